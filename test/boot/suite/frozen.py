# SPDX-License-Identifier: LGPL-2.1-or-later

"""While journald is frozen: the daemon answers at once and does not grow, and another service can
log. Prints the figures.

    frozen.py PID SECONDS
"""

import os
import re
import socket
import sys
import time

from control import TOO_SLOW, Client

pid, seconds = sys.argv[1], float(sys.argv[2])


def rss_kib():
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s*(\d+)", f.read())[1])


def cpu_ms():
    with open(f"/proc/{pid}/stat") as f:
        user, system = f.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) * 1000 // os.sysconf("SC_CLK_TCK")


def another_service():
    """A hundred entries, none of which may wait."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as s:
        s.connect("/run/systemd/journal/socket")
        for i in range(100):
            s.send(b"SYSLOG_IDENTIFIER=another\nMESSAGE=%d\n" % i)


CALLS = (
    ("List", None),
    ("Drivers", None),
    ("Create", {"id": "beside", "driver": "none"}),
    ("Describe", {"id": "beside"}),
    ("Exec", {"id": "frozen", "exec": "e"}),
    ("Remove", {"id": "frozen", "exec": "e"}),
    ("Remove", {"id": "beside"}),
)


def calls(client, until):
    """The times of one call after the other, until then."""
    while time.monotonic() < until:
        for method, parameters in CALLS:
            begin = time.monotonic()
            client.must(method, parameters)
            yield time.monotonic() - begin
            time.sleep(0.005)


begin = time.monotonic()
time.sleep(1)
idle = cpu_ms()
time.sleep(1)
idle = cpu_ms() - idle

client = Client()
list(calls(client, begin + 2.5))
before = rss_kib()
another_service()
answers = sorted(calls(client, begin + seconds))
grown = rss_kib() - before

p99 = answers[len(answers) * 99 // 100]
print(f"{len(answers)} answers, median {answers[len(answers) // 2] * 1000:.1f} ms, "
      f"p99 {p99 * 1000:.1f} ms, worst {answers[-1] * 1000:.1f} ms; memory +{grown} KiB; "
      f"{idle} ms of CPU in a second without calls")
if grown > 64:
    sys.exit(1)
if p99 > 0.05 or idle > 50:
    sys.exit(TOO_SLOW)
