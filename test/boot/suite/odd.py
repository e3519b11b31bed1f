# SPDX-License-Identifier: LGPL-2.1-or-later

"""Odd output, and its way back out of the journal. Run by odd.sh.

    odd.py write KIND FILE    write it to stdout; FILE gets the size and SHA-256 of what is expected
    odd.py read               the same of entries in journald's export format, and how many they are
"""

import hashlib
import os
import random
import sys

WHOLE = "CONLOG_WHOLE" in os.environ
# As in base/limits.h.
LINE_MAX_BYTES = 28 << 10
PIPE_BYTES = 64 << 10

random.seed(os.getpid())


def noise(size):
    """Any byte but the newline; no carriage return that could be taken for a part of one."""
    return random.randbytes(size).replace(b"\n", b"\v").replace(b"\r", b"\f")


def endless():
    block = noise(1 << 20)
    for i in range(1024 if WHOLE else 64):
        yield b"%08d" % i + block[8:]


def bytewise():
    text = noise(1000)
    for i in range(1000 if WHOLE else 100):
        for at in range(1000):
            yield b"\n" if (at * (i + 7)) % 61 == 0 else text[at:at + 1]


def empty():
    for _ in range(100 if WHOLE else 10):
        yield b"\n" * 10000


def nul():
    yield bytes(3 << 20)
    yield b"\n"
    for size in range(300):
        yield bytes(size) + b"\n"


def limits():
    at = [1, 4096, 2 * LINE_MAX_BYTES, 3 * LINE_MAX_BYTES, LINE_MAX_BYTES, PIPE_BYTES // 2,
          PIPE_BYTES, 2 * PIPE_BYTES, PIPE_BYTES - LINE_MAX_BYTES, PIPE_BYTES + LINE_MAX_BYTES,
          48 << 10, 1 << 20]
    lines = [noise(size + d) + b"\n" for size in at for d in (-1, 0, 1)]
    yield from lines
    # And each of them torn, just there and around it.
    for line in lines:
        for cut in LINE_MAX_BYTES - 1, LINE_MAX_BYTES, LINE_MAX_BYTES + 1:
            yield line[:cut]
            yield line[cut:]


def tail():
    """No newline at the end, of a line in two parts."""
    yield b"one\n"
    yield noise(LINE_MAX_BYTES + 1)


def returns():
    """A carriage return counts as a part of the newline only in front of it."""
    yield b"\r" * 100000 + b"x\n" + b"a\rb\r \n" * 1000 + b"\rx\n" * 1000


KINDS = {"endless": endless, "bytes": bytewise, "empty": empty, "nul": nul, "limits": limits,
         "tail": tail, "returns": returns}


def write(kind, path):
    expected = hashlib.sha256()
    size = 0
    data = b""
    for data in KINDS[kind]():
        expected.update(data)
        size += len(data)
        at = 0
        while at < len(data):
            at += os.write(1, data[at:] if at else data)
    # Each last part has a line's end when it is put together again.
    if not data.endswith(b"\n"):
        expected.update(b"\n")
        size += 1
    with open(path, "w") as f:
        print(size, expected.hexdigest(), file=f)


def entries(f):
    """Fields by name; see systemd's JOURNAL_EXPORT_FORMATS."""
    entry = {}
    for line in f:
        if line == b"\n":
            yield entry
            entry = {}
            continue
        name, equals, value = line[:-1].partition(b"=")
        if not equals:
            value = f.read(int.from_bytes(f.read(8), "little"))
            assert f.read(1) == b"\n"
        assert name not in entry, f"{name} twice"
        entry[name] = value
    if entry:
        yield entry


def read():
    digest = hashlib.sha256()
    size = ordinal = part = 0
    part_id = None
    for entry in entries(sys.stdin.buffer):
        text = entry[b"MESSAGE"]
        ordinal += 1
        assert int(entry[b"CONTAINER_LOG_ORDINAL"]) == ordinal, (ordinal, entry)
        assert len(text) <= LINE_MAX_BYTES, (ordinal, len(text))

        if b"CONTAINER_PARTIAL_ORDINAL" in entry:
            assert part == 0 or entry[b"CONTAINER_PARTIAL_ID"] == part_id, (ordinal, part)
            part_id = entry[b"CONTAINER_PARTIAL_ID"]
            part += 1
            assert int(entry[b"CONTAINER_PARTIAL_ORDINAL"]) == part, (ordinal, part)
            is_last = entry[b"CONTAINER_PARTIAL_LAST"] == b"true"
        else:
            assert part == 0, f"ordinal {ordinal}: in the middle of a line in parts"
            is_last = True
        if is_last:
            text += b"\n"
            part = 0
        digest.update(text)
        size += len(text)
    assert part == 0, "the last part is missing"
    print(size, digest.hexdigest())
    print(ordinal, "entries")


if sys.argv[1] == "write":
    write(*sys.argv[2:])
else:
    read()
