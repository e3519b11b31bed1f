#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Ten thousand containers on one daemon, which is killed in the middle: each writes ten lines, all
# are found, and when all are removed nothing is left. Most of its minutes the service manager
# compares file descriptors; see HACKING.md.
#
# Seven in ten have a terminal, none has a stream for input: 13,000 fds, so that this also runs where
# the hard limit is 20,000. CONLOG_SCALE is how many, for trying.

. "$(dirname "$0")/lib.sh"

n=${CONLOG_SCALE-10000}
configure "[Conlogd]\nContainersMax=$n\n[journald]\ntag=scale\n"
figures=$(python3 -B - "$suite" "$n" <<'END'
import os, signal, sys, time

sys.path.insert(0, sys.argv[1])
import gauges
from control import Client

n = int(sys.argv[2])
client = Client(timeout=300)
names = [f"scale-{i}" for i in range(n)]


def timed(method, parameters=None):
    begin = time.monotonic()
    reply = client.must(method, parameters)
    return time.monotonic() - begin, reply


def write_all(paths, lines):
    """Like ten thousand programs that end when they have written; a hundred at a time."""
    for first in range(0, n, 100):
        fds = [os.open(path, os.O_RDWR) for path in paths[first:first + 100]]
        for i, fd in enumerate(fds, first):
            for k in lines:
                os.write(fd, f"{i} {k}\n".encode())
        for fd in fds:
            os.close(fd)


def wait_for_lines(lines):
    end = time.monotonic() + 120
    while sum(c["lines"] for c in client.must("List")["containers"]) != lines:
        assert time.monotonic() < end, client.must("List")["containers"][:3]
        time.sleep(0.2)


client.must("Create", {"id": "first"})
client.must("Remove", {"id": "first"})
before, rss = gauges.settle(), gauges.rss_kib()

begin = time.monotonic()
slowest = 0
paths = []
for i, name in enumerate(names):
    took, reply = timed("Create", {"id": name, "stdin": False, "terminal": i % 10 < 7})
    slowest = max(slowest, took)
    paths.append(next(s["path"] for s in reply["container"]["streams"] if s["name"] == "stdout"))
created = time.monotonic() - begin
full = gauges.held()
assert full["store"] - before["store"] == sum(1 if i % 10 < 7 else 2 for i in range(n)), full
assert full["fds"] - before["fds"] == full["store"] - before["store"], (full, before)
error, reply = client.call("Create", {"id": "one-more"})
assert (error, reply["limit"]) == ("io.conlogd.LimitReached", "ContainersMax"), (error, reply)

write_all(paths, range(5))
pid = gauges.main_pid()
begin = time.monotonic()
os.kill(pid, signal.SIGKILL)
write_all(paths, range(5, 10))
client = Client(timeout=300)
assert len(client.must("List")["containers"]) == n
ready = time.monotonic() - begin
wait_for_lines(10 * n)

listed, _ = timed("List")
found, _ = timed("Describe", {"id": names[-1]})
full_rss = gauges.rss_kib()

begin = time.monotonic()
for name in reversed(names):
    assert client.must("Remove", {"id": name})["lines"] == 10
removed = time.monotonic() - begin
more = gauges.left_over(before)
assert not more, (before, more)
time.sleep(2)  # memory is given back with the next status
left = gauges.rss_kib() - rss
assert left <= 2048, f"{left} KiB left of {full_rss}"
print(f"{n} containers made in {created:.0f} s, the slowest in {slowest * 1000:.0f} ms; "
      f"{full['store']} fds stored, {full['inodes']} inodes, {full_rss - rss:+} KiB; "
      f"back {ready:.1f} s after a kill and {5 * n} lines; List {listed * 1000:.0f} ms, "
      f"Describe {found * 1000:.1f} ms; removed in {removed:.0f} s, {left:+} KiB left; "
      "fds, store and inodes as before")
END
) || fail "$figures"

wait_until 60 is_stored 1 MESSAGE_ID=6a1d5f0e8c0b4e0c9f5e6a0d7b1c2f43 CONTAINER_ID_FULL=scale-0
journalctl --sync
account=$(python3 -B - "$suite" "$n" <<'END'
import sys

sys.path.insert(0, sys.argv[1])
import gauges

n = int(sys.argv[2])
containers = gauges.read_journal("CONTAINER_TAG=scale", "CONTAINER_STREAM=stdout")
assert len(containers) == n, len(containers)
for i in range(n):
    assert containers[f"scale-{i}"] == {k + 1: f"{i} {k}" for k in range(10)}, i
print(f"{10 * n} lines found")
END
) || fail "$account"
ok "$figures; $account"
