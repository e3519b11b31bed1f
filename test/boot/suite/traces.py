# SPDX-License-Identifier: LGPL-2.1-or-later

"""Stack traces, numbered.

    traces.py write LANGUAGE SECONDS    prints them to stderr, other lines to stdout
    traces.py check LANGUAGE            reads journalctl -o json: all there, each one entry?

What is written last says how many there were.
"""

import json
import os
import random
import sys
import time

# As the programs print them: OpenJDK 17, Python 3.11, Go 1.22.
TRACES = {
    "java": """\
Exception in thread "main" Shop$OrderException: order %d failed
\tat Shop.order(Shop.java:7)
\tat Shop.main(Shop.java:9)
\tSuppressed: java.lang.IllegalStateException: cart is open
\t\tat Shop.order(Shop.java:7)
\t\t... 1 more
Caused by: java.lang.NullPointerException: Cannot invoke "java.lang.Integer.intValue()" because \
the return value of "java.util.Map.get(Object)" is null
\tat Shop.price(Shop.java:4)
\tat Shop.lambda$order$0(Shop.java:6)
\tat java.base/java.lang.Iterable.forEach(Iterable.java:75)
\tat java.base/jdk.internal.reflect.NativeMethodAccessorImpl.invoke0(Native Method)
\tat jdk.compiler/com.sun.tools.javac.launcher.Main.main(Main.java:132)""",
    "python": """\
ERROR:shop:order %d
Traceback (most recent call last):
  File "/srv/shop.py", line 6, in order
    price({}, "tea")
  File "/srv/shop.py", line 3, in price
    return table[name]
           ~~~~~^^^^^^
KeyError: 'tea'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/shop.py", line 11, in <module>
    order(1)
  File "/srv/shop.py", line 8, in order
    raise RuntimeError(f"order {n} failed")
RuntimeError: order failed""",
    "go": """\
panic: order %d [recovered]
\tpanic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47e7e2]

goroutine 1 [running]:
main.price(...)
\t/srv/shop/main.go:12
main.order(0x1)
\t/srv/shop/main.go:20 +0x22
main.main()
\t/srv/shop/main.go:25 +0x17

goroutine 18 [chan receive]:
main.worker(0xc00001c0c0)
\t/srv/shop/main.go:31 +0x3f
created by main.main in goroutine 1
\t/srv/shop/main.go:24 +0x5b""",
    "plain": "order %d",
}
OTHERS = {
    "java": "order %d is served",
    "python": "INFO:shop:order %d is served",
    "go": "2024/01/02 15:04:05 order %d is served",
    "plain": "order %d is served",
}
# A line that every expression takes for a first one, for all that comes last.
LAST = {
    "java": "served %d",
    "python": "INFO:shop:served %d",
    "go": "2024/01/02 15:04:05 served %d",
    "plain": "served %d",
}


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data) :]


def write(language, seconds):
    """In writes of one line, several, or a part of one; and rests in the middle of a trace."""
    chance = random.Random(language)
    end = time.monotonic() + seconds
    n = 0
    while time.monotonic() < end:
        trace = (TRACES[language] % n + "\n").encode()
        other = (OTHERS[language] % n + "\n").encode()
        cuts = sorted(chance.sample(range(len(trace)), 3)) + [len(trace)]
        begin = 0
        for cut in cuts:
            write_all(2, trace[begin:cut])
            begin = cut
            if chance.random() < 0.2:
                write_all(1, other)
                other = b""
            if chance.random() < 0.3:
                time.sleep(chance.random() / 100)
        write_all(1, other)
        n += 1
    for fd in 1, 2:
        write_all(fd, (LAST[language] % n + "\n").encode())


def text(value):
    return value if isinstance(value, str) else bytes(value).decode()


def read_entries():
    """The messages of each stream by ordinal, and how many came again."""
    streams = {"stdout": {}, "stderr": {}}
    repeats = 0
    for line in sys.stdin:
        entry = json.loads(line)
        if "CONTAINER_STREAM" not in entry:
            continue
        entries = streams[entry["CONTAINER_STREAM"]]
        ordinal = int(entry["CONTAINER_LOG_ORDINAL"])
        message = text(entry["MESSAGE"])
        if ordinal in entries:
            repeats += 1
            if entries[ordinal] != message:
                sys.exit(f"{ordinal} came with other bytes: {entries[ordinal]!r}, {message!r}")
        entries[ordinal] = message
    return streams, repeats


def check(language):
    streams, repeats = read_entries()
    for stream, form in ("stderr", TRACES[language]), ("stdout", OTHERS[language]):
        messages = [message for _, message in sorted(streams[stream].items())]
        n = len(messages) - 1
        expected = [form % i for i in range(n)] + [LAST[language] % n]
        for i, (got, wanted) in enumerate(zip(messages, expected)):
            if got != wanted:
                sys.exit(f"entry {i} of {stream} of {language}: {got!r}, not {wanted!r}")
    if n < 20:
        sys.exit(f"only {n} traces of {language}")
    print(f"{n} traces, 0 lost, {repeats} repeated")


if sys.argv[1] == "write":
    write(sys.argv[2], float(sys.argv[3]))
else:
    check(sys.argv[2])
