#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Containers come and go, 3,000 times: with execs, with requests that are refused, with clients that
# hang up before the answer. Every line is there, and nothing has grown.

. "$(dirname "$0")/lib.sh"

configure '[journald]\ntag=churn\n'
figures=$(python3 -B - "$suite" 3000 <<'END'
import os, socket, sys, time

sys.path.insert(0, sys.argv[1])
import gauges
from control import ADDRESS, Client

n = int(sys.argv[2])
warm_up = 300
client = Client()


def write(streams, name, i, lines):
    path = next(s["path"] for s in streams if s["name"] == name)
    with open(path, "w") as f:
        for k in range(lines):
            f.write(f"{i} {name} {k}\n")


def hang_up(request):
    """Sends it, and does not wait for the answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(ADDRESS)
        s.send(request)


def create(i):
    name = f"churn-{i}"
    if i % 20 == 0:
        hang_up(b'{"method":"io.conlogd.Create","parameters":{"id":"%b"}}\0' % name.encode())
        while True:
            error, reply = client.call("Describe", {"id": name})
            if error is None:
                return reply["container"]["streams"]
    return client.must("Create", {"id": name, "terminal": i % 5 == 1, "stdin": i % 3 > 0}
                       )["container"]["streams"]


def live(i):
    """One life of a container. Returns its lines."""
    name = f"churn-{i}"
    lines = 10
    streams = create(i)
    write(streams, "stdout", i, 10)
    if i % 10 == 3:
        error, _ = client.call("Create", {"id": name})
        assert error == "io.conlogd.ContainerExists", error
        error, _ = client.call("Create", {"id": f"bad-{i}", "options": {"tag": "{{"}})
        assert error == "io.conlogd.InvalidOption", error
        hang_up(b'{"method":"io.conlogd.Create","parameters":{"id":"never-made')
    if i % 10 == 7:
        exec_streams = client.must("Exec", {"id": name, "exec": "sh", "log": True})["streams"]
        write(exec_streams, "stderr", i, 2)
        lines += 2
        client.must("Exec", {"id": name, "exec": "unlogged"})
    assert client.must("Remove", {"id": name})["lines"] == lines
    return lines


lines = sum(live(i) for i in range(warm_up))
before, rss = gauges.settle(), gauges.rss_kib()
begin = time.monotonic()
lines += sum(live(i) for i in range(warm_up, n))
took = time.monotonic() - begin
more, grown = gauges.left_over(before), gauges.rss_kib() - rss
assert not more, (before, more)
assert grown <= 1024, f"grown by {grown} KiB from {rss} KiB"
print(f"{n} lives, {lines} lines, {took / (n - warm_up) * 1000:.1f} ms each; "
      f"memory {rss} {grown:+} KiB, {before['fds']} fds, {before['store']} stored, "
      f"{before['inodes']} inodes, and no more now")
END
) || fail "$figures"

wait_until 20 is_stored 1 MESSAGE_ID=6a1d5f0e8c0b4e0c9f5e6a0d7b1c2f43 CONTAINER_ID_FULL=churn-2999
journalctl --sync
account=$(python3 -B - "$suite" 3000 <<'END'
import sys

sys.path.insert(0, sys.argv[1])
import gauges

lives = gauges.read_journal("CONTAINER_TAG=churn", "CONTAINER_STREAM=stdout",
                            "CONTAINER_STREAM=stderr")
assert len(lives) == int(sys.argv[2]), len(lives)
for name, lines in lives.items():
    i = int(name.split("-")[1])
    expected = [f"{i} stdout {k}" for k in range(10)]
    if i % 10 == 7:
        expected += [f"{i} stderr {k}" for k in range(2)]
    # The two streams may come in any order, each in its own.
    assert sorted(lines) == list(range(1, len(expected) + 1)), (name, lines)
    assert sorted(lines.values()) == sorted(expected), (name, lines)
    for stream in "stdout", "stderr":
        of_stream = [lines[o] for o in sorted(lines) if stream in lines[o]]
        assert of_stream == sorted(of_stream), (name, lines)
print("all found")
END
) || fail "$account"

# Where there are few fds, what does not fit is refused with the name of the setting, before those
# that are there lack them.
mkdir -p /etc/systemd/system/conlogd.service.d
printf '[Service]\nLimitNOFILE=399\n' >/etc/systemd/system/conlogd.service.d/few.conf
systemctl daemon-reload
systemctl restart conlogd.service
for i in 1 2 3; do
        conlogctl create --id "few-$i" >/dev/null
done
refused 'LimitNOFILE' conlogctl create --id few-4
refused 'LimitNOFILE' conlogctl exec --log few-1 -- true
expect "an exec that is not logged" said "$(conlogctl exec few-1 -- echo said)"
conlogctl remove few-1 >/dev/null
conlogctl create --id few-4 >/dev/null
conlogctl remove few-2 few-3 few-4 >/dev/null

# Without a stream for input its reader is at the end at once.
expect "a container without stdin" "" "$(conlogctl run --id dull --name dull --no-stdin -- cat)"
conlogctl remove dull
ok "$figures; $account"
