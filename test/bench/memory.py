# SPDX-License-Identifier: LGPL-2.1-or-later

"""What the daemon holds in memory for containers that say nothing: one, many, and many that a
daemon before it has made. Run by test/bench/journald.

    memory.py SUITE N
"""

import re
import subprocess
import sys
import time

sys.path.insert(0, sys.argv[1])
from control import Client


def systemctl(*arguments):
    return subprocess.run(["systemctl", *arguments], check=True, text=True,
                          capture_output=True).stdout.strip()


def measure():
    """Resident KiB, and how many of them are its own."""
    time.sleep(0.5)
    pid = systemctl("show", "-P", "MainPID", "conlogd.service")
    with open(f"/proc/{pid}/status") as f:
        figures = dict(re.findall(r"(VmRSS|RssAnon):\s*(\d+)", f.read()))
    return int(figures["VmRSS"]), int(figures["RssAnon"])


def main():
    n = int(sys.argv[2])
    systemctl("restart", "conlogd.service")

    client = Client()
    client.must("Create", {"id": "idle-0"})
    rows = [("1 idle container", 1, *measure())]
    for i in range(1, n):
        client.must("Create", {"id": f"idle-{i}", "name": f"idle-{i}", "image": "bench"})
    rows.append((f"{n} idle containers", n, *measure()))
    client.close()

    systemctl("restart", "conlogd.service")
    rows.append(("the same after a restart", n, *measure()))
    client = Client()
    for i in range(n):
        client.must("Remove", {"id": f"idle-{i}"})

    print(f"\n{'resident memory of conlogd':<28} {'KiB':>7} {'private':>8} {'per further one':>16}")
    first = rows[0][2]
    for name, count, rss, private in rows:
        each = f"{(rss - first) / (count - 1):.2f}" if count > 1 else ""
        print(f"{name:<28} {rss:>7} {private:>8} {each:>16}")


main()
