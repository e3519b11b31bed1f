#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rooms of src/ and the arrows between them, read from the include lines.

A file may include its own room, the rooms that its room is allowed, and the libraries that its room
is allowed. A noun (the stem of a file's name) lives in one room only.
"""

import re
import sys

sys.dont_write_bytecode = True
import style

ROOMS = {
    "base": set(),
    "record": {"base"},
    "io": {"base"},
    "driver": {"base", "record", "io"},
    "daemon": {"base", "record", "io", "driver"},
    "tool": {"base", "record", "io"},
    "forward": {"base", "record", "io"},
}

# Who may include a library that is not libc. A new library needs a row here first.
LIBRARIES = {
    "systemd/": {"io", "driver", "daemon", "tool", "forward"},
    "jansson.h": {"io", "daemon", "tool", "forward"},
    "ini.h": {"daemon", "forward"},
    "zlib.h": {"io", "tool"},
}

# Only this noun may.
SANDBOX = "daemon/sandbox"
SECCOMP = {"seccomp.h", "linux/seccomp.h"}

# Made by the build in its own directory, each for one noun: an interface's text, a table of calls.
GENERATED = {"io.conlogd.h": "daemon/control", "conlogd-syscalls.h": "daemon/sandbox"}

# The table of drivers names all of them; the others know only what a driver is, and what those that
# write files have in common.
DRIVER_TABLE = "driver/driver"
DRIVER_SHARED = {DRIVER_TABLE, "driver/file-sink", "driver/file-options", "driver/file-resume"}

LIBC_DIRECTORIES = ("sys/", "linux/", "net/", "netinet/", "arpa/")
LIBC = {
    f"{stem}.h"
    for stem in """
    assert byteswap ctype dirent dlfcn endian err errno fcntl float fnmatch ftw getopt glob grp
    inttypes langinfo libgen limits locale malloc math netdb paths poll pthread pty pwd regex sched
    search semaphore setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio
    stdlib stdnoreturn string strings sysexits syslog termios threads time ucontext unistd utime
    wchar wctype
    """.split()
}


def check_library(name, room, header):
    if header in SECCOMP:
        return None if f"{room}/{name.stem}" == SANDBOX else f"only {SANDBOX} includes <{header}>"
    if header in LIBC or header.startswith(LIBC_DIRECTORIES):
        return None
    for library, rooms in LIBRARIES.items():
        if header == library or (library.endswith("/") and header.startswith(library)):
            return None if room in rooms else f"{room} may not include <{header}>"
    return f"<{header}> is of no library known to test/style/check-rooms.py"


def check_own(root, name, room, header):
    own = f"{room}/{name.stem}"
    if GENERATED.get(header) == own:
        return None
    parts = header.split("/")
    if len(parts) != 2 or parts[0] not in ROOMS:
        return f'"{header}" is not written from the root, as "room/noun.h"'
    if not (root / "src" / header).is_file():
        return f'"{header}" does not exist'
    if parts[0] != room:
        return None if parts[0] in ROOMS[room] else f'{room} may not include "{header}"'
    allowed = {f"{noun}.h" for noun in DRIVER_SHARED | {own}}
    if room == "driver" and own != DRIVER_TABLE and header not in allowed:
        return f'a driver may not include another one, "{header}"'
    return None


def check(root):
    findings = []
    rooms_of = {}
    for name in style.files(root, {"src"}, style.C):
        room = name.parts[1]
        if len(name.parts) != 3 or room not in ROOMS:
            findings.append((name, 0, "not in a room of src/"))
            continue

        other = rooms_of.setdefault(name.stem, room)
        if other != room:
            findings.append((name, 0, f"the noun {name.stem} lives in {other} already"))

        for number, line in enumerate(style.lines(root, name), 1):
            if not re.match(r"\s*#\s*include", line):
                continue
            include = re.match(r'\s*#\s*include\s+([<"])([^<>"]+)[>"]', line)
            if not include:
                text = "an include that cannot be read"
            elif include[1] == "<":
                text = check_library(name, room, include[2])
            else:
                text = check_own(root, name, room, include[2])
            if text:
                findings.append((name, number, text))
    return findings


GOOD = {
    "src/base/span.h": "#include <string.h>\n",
    "src/record/line.h": '#include "base/span.h"\n',
    "src/record/line.c": '#include <sys/types.h>\n\n#include "record/line.h"\n',
    "src/io/fifo.h": '#include <systemd/sd-event.h>\n\n#include "base/span.h"\n',
    "src/driver/driver.h": '#include "io/fifo.h"\n#include "record/line.h"\n',
    "src/driver/driver.c": '#include "driver/driver.h"\n#include "driver/none.h"\n',
    "src/driver/none.h": '#include "driver/driver.h"\n',
    "src/driver/none.c": '#include "driver/none.h"\n',
    "src/daemon/sandbox.c": "#include <seccomp.h>\n",
    "src/daemon/control.c": '#include "io.conlogd.h"\n',
    "src/daemon/stream.c": '#include <jansson.h>\n\n#include "driver/driver.h"\n',
    "src/tool/ctl.c": '#include "io/fifo.h"\n#include "record/line.h"\n',
    "src/forward/gelf.c": '#include "io/fifo.h"\n#include "record/line.h"\n',
}

BAD = [
    ("base may not", {"src/base/a.c": '#include "record/line.h"\n'}),
    ("base may not", {"src/base/a.c": "#include <systemd/sd-id128.h>\n"}),
    ("record may not", {"src/record/a.c": '#include "io/fifo.h"\n'}),
    ("record may not", {"src/record/a.c": '#include "driver/driver.h"\n'}),
    ("record may not", {"src/record/a.c": "#include <systemd/sd-journal.h>\n"}),
    ("record may not", {"src/record/a.h": "#  include <jansson.h>\n"}),
    ("io may not", {"src/io/a.c": '#include "record/line.h"\n'}),
    ("driver may not", {"src/driver/a.c": '#include "daemon/b.h"\n', "src/daemon/b.h": ""}),
    ("driver may not", {"src/driver/a.c": "#include <jansson.h>\n"}),
    ("a driver may not", {"src/driver/a.c": '#include "driver/none.h"\n'}),
    ("tool may not", {"src/tool/a.c": '#include "driver/driver.h"\n'}),
    ("forward may not", {"src/forward/a.c": '#include "driver/driver.h"\n'}),
    ("only daemon/sandbox", {"src/daemon/a.c": "#include <seccomp.h>\n"}),
    ("only daemon/sandbox", {"src/io/a.c": "#include <linux/seccomp.h>\n"}),
    ("no library known", {"src/io/a.c": "#include <curl/curl.h>\n"}),
    ("not written from the root", {"src/record/a.c": '#include "line.h"\n'}),
    ("not written from the root", {"src/record/a.c": '#include "../base/span.h"\n'}),
    ("not written from the root", {"src/io/a.c": '#include "io.conlogd.h"\n'}),
    ("does not exist", {"src/record/a.c": '#include "base/gone.h"\n'}),
    ("cannot be read", {"src/record/a.c": "#include HEADER\n"}),
    ("lives in", {"src/tool/line.c": ""}),
    ("not in a room", {"src/a.c": ""}),
    ("not in a room", {"src/util/a.c": ""}),
    ("not in a room", {"src/record/deep/a.c": ""}),
]

style.main(check, GOOD, BAD)
