# SPDX-License-Identifier: LGPL-2.1-or-later

"""Containers that write ten lines a second each, one after the other, beside one named flood. A line
is its number and the time in µs. Another service sends the like straight to journald. Prints how many
lines the flood had meanwhile.

    quiet.py CONTAINERS LINES
"""

import os
import socket
import sys
import threading
import time

from control import Client

n_containers, n_lines = map(int, sys.argv[1:])
RATE = 10

client = Client()
writers = []
for i in range(n_containers):
    reply = client.must("Create", {"id": f"quiet-{i}", "name": "quiet"})
    [path] = [s["path"] for s in reply["container"]["streams"] if s["name"] == "stdout"]
    writers.append(os.open(path, os.O_RDWR))
client.close()


def flooded():
    return Client().must("Describe", {"id": "flood"})["container"]["lines"]


def send_beside():
    journald = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journald.connect("/run/systemd/journal/socket")
    for k in range(n_lines * RATE):
        if (wait := begin + k / (RATE * RATE) - time.monotonic()) > 0:
            time.sleep(wait)
        journald.send(b"CONTAINER_TAG=beside\nMESSAGE=%d %d\n" % (k + 1, time.time_ns() // 1000))


before = flooded()
begin = time.monotonic()
beside = threading.Thread(target=send_beside)
beside.start()
for k in range(n_containers * n_lines):
    due = begin + k / (n_containers * RATE)
    if (wait := due - time.monotonic()) > 0:
        time.sleep(wait)
    line = b"%d %d\n" % (k // n_containers + 1, time.time_ns() // 1000)
    assert os.write(writers[k % n_containers], line) == len(line)
print(flooded() - before)
beside.join()

client = Client()
for i in range(n_containers):
    assert client.must("Remove", {"id": f"quiet-{i}"})["lines"] == n_lines
