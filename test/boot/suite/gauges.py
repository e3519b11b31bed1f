# SPDX-License-Identifier: LGPL-2.1-or-later

"""What conlogd holds of everything that can leak, and what the journal has of its containers."""

import json
import os
import subprocess
import time

UNIT = "conlogd.service"


def show(name, unit=UNIT):
    return int(subprocess.run(["systemctl", "show", "-P", name, unit], check=True, text=True,
                              capture_output=True).stdout)


def main_pid(unit=UNIT):
    return show("MainPID", unit)


def rss_kib():
    with open(f"/proc/{main_pid()}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def held():
    """Files, not memory: exact numbers that must come back."""
    inodes = sum(len(directories) + len(files)
                 for _, directories, files in os.walk("/run/conlogd"))
    return {
        "fds": len(os.listdir(f"/proc/{main_pid()}/fd")),
        "store": show("NFileDescriptorStore"),
        "inodes": inodes,
        "fds of PID 1": len(os.listdir("/proc/1/fd")),
    }


def settle():
    """Returns what is held when what came before has gone."""
    time.sleep(2)
    return held()


def left_over(before, seconds=60):
    """What is not as before, when that is nothing, or at last. Of a process's fds there may be fewer:
    those that an earlier process or test had."""
    end = time.monotonic() + seconds
    while (left := {name: n for name, n in held().items()
                    if n > before[name] or (n < before[name] and "fds" not in name)}):
        if time.monotonic() >= end:
            break
        time.sleep(0.1)
    return left


def read_journal(*matches):
    """By container: by ordinal, the line. A repeat must be the same line."""
    fields = "CONTAINER_ID_FULL,CONTAINER_LOG_ORDINAL,MESSAGE"
    journal = subprocess.Popen(["journalctl", "--quiet", "--all", "--output=json",
                                f"--output-fields={fields}", *matches],
                               stdout=subprocess.PIPE)
    lines = {}
    for text in journal.stdout:
        entry = json.loads(text)
        ordinal = int(entry["CONTAINER_LOG_ORDINAL"])
        known = lines.setdefault(entry["CONTAINER_ID_FULL"], {})
        assert known.setdefault(ordinal, entry["MESSAGE"]) == entry["MESSAGE"], entry
    assert journal.wait() == 0
    return lines
