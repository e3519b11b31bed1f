# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile lines and what became of them.

    golden.py write SEED LINES FILE
        what a container writes

    golden.py check INPUT LOG STREAM
        compares the json-file LOG with what INPUT wrote to that STREAM, and writes what Docker must
        show of it to STREAM.json-file; what it must show of the local driver's file to STREAM.local,
        or, if it is an old one, to STREAM.local-old

Nothing here knows conlogd's code: JSON is read by Python's json, base64 by its base64.
"""

import base64
import codecs
import json
import random
import sys

# Where conlogd cuts a line, see LINE_MAX_BYTES.
LINE_MAX = 28 * 1024

CHARACTERS = (
    [chr(c) for c in range(0x80) if chr(c) != "\n"]
    + ["\x80", "\x85", "\xa0", "\xe9", "\u07ff", "\u0800", "\u2027", "\u2028", "\u2029", "\u202e"]
    + ["\ud7ff", "\ue000", "\ufeff", "\ufffd", "\uffff", "\U00010000", "\U0001f600", "\U0010ffff"]
)
ESCAPES = ["\x1b[31m", "\x1b]0;title\x07", "\\u0041", "\\n", '\\"', '{"log":"x\\n"}', "</script>"]


def bytes_of(rng, size):
    return rng.randbytes(size).replace(b"\n", b"\xff")


def text_of(rng, size):
    return "".join(rng.choices(CHARACTERS, k=size)).encode()


def letters_of(rng, size):
    return rng.randbytes(size // 2 + 1).hex().encode()[:size]


def escapes_of(rng, size):
    return "".join(rng.choices(ESCAPES, k=size // 8)).encode()


def mixed_of(rng, size):
    """Characters cut in the middle."""
    text = bytearray(text_of(rng, size))
    for _ in range(3):
        if text:
            del text[rng.randrange(len(text))]
    return bytes(text)


def write(seed, n, path):
    rng = random.Random(int(seed))
    kinds = [bytes_of, text_of, letters_of, escapes_of, mixed_of]
    with open(path, "wb") as f:
        for i in range(int(n)):
            line = kinds[i % len(kinds)](rng, rng.choice((0, 1, 2, 7, 8, 15, 16, 17, 40, 100)))
            if i % 10000 == 5000:
                line = kinds[i // 10000 % 3](rng, LINE_MAX * 2 + 77)
            elif i % 10000 == 6000:
                line = b"\xe2\x82\xac" * LINE_MAX
            elif i % 100 == 50:
                line += b"\r"
            f.write(line + b"\n")


def show_each(error):
    """As Go: each byte that is no UTF-8 becomes one U+FFFD."""
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("each", show_each)


def read(line):
    """The exact bytes of a record, and what Docker shows."""
    record = json.loads(line)
    log = record["log"]
    exact = base64.b64decode(record["bytes"], validate=True) if "bytes" in record else log.encode()
    assert log == exact.decode(errors="each"), line
    assert ("bytes" in record) == (log.encode() != exact), line
    assert list(record) == ["log", "stream", "time", "bytes"][: len(record)], line
    return record["stream"], exact, log.encode()


def check(path, log_path, stream):
    n_lines = n_lossy = n_parts = 0
    whole = b""
    is_cut = False
    shown, local, local_old = (
        open(f"{stream}.{suffix}", "wb") for suffix in ("json-file", "local", "local-old")
    )
    wrote = open(path, "rb")
    for line in open(log_path, "rb"):
        source, exact, text = read(line)
        if source != stream:
            continue
        shown.write(text)
        n_lossy += exact != text
        whole += exact
        if not exact.endswith(b"\n"):
            n_parts += 1
            is_cut = True
            assert len(whole) % LINE_MAX == 0, line
            continue

        # A carriage return at the end is cut off with the newline.
        expected = wrote.readline()
        if expected.endswith(b"\r\n"):
            expected = expected[:-2] + b"\n"
        assert whole == expected, f"line {n_lines + 1}: {expected!r} became {whole!r}"
        local.write(whole)
        # Until version 23 Docker forgot the newline of a line in parts, its own too.
        local_old.write(whole[:-1] if is_cut else whole)
        whole = b""
        is_cut = False
        n_lines += 1
    assert not whole
    assert not wrote.read(1), f"lines after {n_lines} are missing"
    print(f"{stream}={n_lines} lossy={n_lossy} parts={n_parts}")


{"write": write, "check": check}[sys.argv[1]](*sys.argv[2:])
