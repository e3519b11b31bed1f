#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A thousand containers: the daemon is killed and restarted, and each one goes on with the next
# ordinal.

. "$(dirname "$0")/lib.sh"

configure '[journald]\ntag=many\n'
figures=$(python3 -B - "$suite" 1000 <<'END'
import os, subprocess, sys, time

sys.path.insert(0, sys.argv[1])
from control import Client

n = int(sys.argv[2])


def systemctl(*arguments):
    return subprocess.run(["systemctl", *arguments], check=True, text=True,
                          capture_output=True).stdout


def wait_for_lines(lines):
    for _ in range(200):
        containers = Client().must("List")["containers"]
        bad = [c["id"] for c in containers if c["lines"] != lines]
        if len(containers) == n and not bad:
            return
        time.sleep(0.1)
    shown = Client().must("Describe", {"id": bad[0]}) if bad else ""
    sys.exit(f"{len(containers)} containers, {len(bad)} without {lines} lines: {shown}")


client = Client()
begin = time.monotonic()
writers = []
for i in range(n):
    streams = client.must("Create", {"id": f"many-{i}"})["container"]["streams"]
    path = next(s["path"] for s in streams if s["name"] == "stdout")
    writers.append(os.open(path, os.O_RDWR))
created = time.monotonic() - begin

ready = []
lines = 0
for how in "write", "restart", "kill":
    # A part of a line before, the rest after.
    for i, fd in enumerate(writers):
        os.write(fd, b"%d before %s, " % (i, how.encode()))
    if how == "restart":
        begin = time.monotonic()
        systemctl("restart", "conlogd.service")
        ready.append(time.monotonic() - begin)
    elif how == "kill":
        pid = systemctl("show", "-P", "MainPID", "conlogd.service").strip()
        begin = time.monotonic()
        os.kill(int(pid), 9)
        Client().must("List")
        ready.append(time.monotonic() - begin)
    for i, fd in enumerate(writers):
        os.write(fd, b"and after\n")
    lines += 1
    wait_for_lines(lines)

client = Client()
begin = time.monotonic()
for i in range(n):
    assert client.must("Remove", {"id": f"many-{i}"})["lines"] == lines
removed = time.monotonic() - begin
assert os.listdir("/run/conlogd/containers") == []
print(f"{n} containers made in {created * 1000:.0f} ms, restarted in {ready[0] * 1000:.0f} ms, "
      f"back after a kill in {ready[1] * 1000:.0f} ms, removed in {removed * 1000:.0f} ms")
END
) || fail "$figures"

journalctl --sync
expect "entries" 3000 "$(count CONTAINER_TAG=many CONTAINER_STREAM=stdout)"
expect "last ordinals" 1000 "$(count CONTAINER_TAG=many CONTAINER_LOG_ORDINAL=3)"
expect "a line over a kill" "7 before kill, and after" \
        "$(values MESSAGE CONTAINER_ID_FULL=many-7 CONTAINER_LOG_ORDINAL=3)"
ok "$figures"
