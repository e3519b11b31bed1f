#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plain text of the tree: licence lines, no notes to self, no stray white space, and no test
named that is not there."""

import re
import sys

sys.dont_write_bytecode = True
import style

LICENSE = "SPDX-License-Identifier: LGPL-2.1-or-later"
LINE_MAX_COLUMNS = 100

# In these the licence is a comment of the first line, or of the second one behind "#!".
HASH = (".py", ".sh", ".build", ".service", ".socket", ".conf", ".yml", ".yaml")
HASH_NAMES = ("meson_options.txt",)

# The words of others, byte for byte.
VERBATIM = ("LICENSE",)

# Split, so that this file passes itself.
NOTES = re.compile(r"\b(TO" "DO|FIX" "ME|XX" r"X)\b")


# How documents name a test of the boot suite.
BOOT_TEST = re.compile(r"\bboot:([a-z]+(?:-[a-z]+)*)\b")


def check_license(name, lines):
    if name.suffix in style.C:
        return lines[0] == f"/* {LICENSE} */"
    if lines[0].startswith("#!"):
        return lines[1:2] == [f"# {LICENSE}"]
    if name.suffix in HASH or name.name in HASH_NAMES:
        return lines[0] == f"# {LICENSE}"
    return True


def check(root):
    findings = []
    for name in style.files(root):
        if str(name) in VERBATIM:
            continue
        try:
            lines = style.lines(root, name)
        except UnicodeDecodeError:
            findings.append((name, 0, "not UTF-8"))
            continue

        if not check_license(name, lines):
            findings.append((name, 1, f"the first comment is not '{LICENSE}'"))
        if lines[-1] != "" or lines[-2:] == ["", ""]:
            findings.append((name, len(lines), "does not end with one line break"))
        for number, line in enumerate(lines, 1):
            if NOTES.search(line):
                findings.append((name, number, "a note to self: do it, or file it"))
            for test in BOOT_TEST.findall(line) if name.suffix in (".md", ".scd") else ():
                if not (root / f"test/boot/suite/{test}.sh").exists():
                    findings.append((name, number, f"there is no test boot:{test}"))
            if line != line.rstrip():
                findings.append((name, number, "white space at the end"))
            if name.suffix in style.C and "\t" in line:
                findings.append((name, number, "a tab"))
            if name.suffix in style.C and len(line) > LINE_MAX_COLUMNS:
                findings.append((name, number, f"more than {LINE_MAX_COLUMNS} columns"))
    return findings


C_LICENSE = f"/* {LICENSE} */\n"
GOOD = {
    "src/base/a.c": C_LICENSE + "/* µ" + "x" * 94 + "*/\n",
    "src/base/a.h": C_LICENSE,
    "test/a.py": f"#!/usr/bin/env python3\n# {LICENSE}\n",
    "test/boot/boot": f"#!/bin/bash\n# {LICENSE}\n",
    "meson.build": f"# {LICENSE}\n",
    "man/a.scd": "a(1)\n\n\tindented, and longer than a line of C may be" + " x" * 60 + "\n",
    "test/fuzz/line/raw": "TO" "DO \t",
    "README.md": "mkstemp(aXXXXXX) *boot:one*\n",
    "test/boot/suite/one.sh": f"#!/bin/bash\n# {LICENSE}\n",
    "LICENSE": "white space \n",
    "build/meson-private/b.c": "made\t",
    "build/c.c": "made\t",
}

BAD = [
    ("first comment", {"src/base/b.c": "/* b */\n"}),
    ("first comment", {"src/base/b.c": "\n" + C_LICENSE}),
    ("first comment", {"src/base/b.h": f"// {LICENSE}\n"}),
    ("first comment", {"src/base/b.c": "/* SPDX-License-Identifier: MIT */\n"}),
    ("first comment", {"test/b.py": '"""b"""\n'}),
    ("first comment", {"test/boot/b": f"#!/bin/bash\n\n# {LICENSE}\n"}),
    ("first comment", {"meson.build": "project('x')\n"}),
    ("a note", {"src/base/b.c": C_LICENSE + "/* TO" "DO: more */\n"}),
    ("a note", {"README.md": "FIX" "ME\n"}),
    ("a note", {"test/b.sh": f"# {LICENSE}\n# XX" "X what\n"}),
    ("no test", {"man/a.scd": "See *boot:two*.\n"}),
    ("white space", {"README.md": "one \ntwo\n"}),
    ("white space", {"src/base/b.c": C_LICENSE + "int a;\r\n"}),
    ("a tab", {"src/base/b.c": C_LICENSE + "int\ta;\n"}),
    ("columns", {"src/base/b.c": C_LICENSE + "x" * 101 + "\n"}),
    ("line break", {"README.md": "one"}),
    ("line break", {"README.md": "one\n\n"}),
]

style.main(check, GOOD, BAD)
