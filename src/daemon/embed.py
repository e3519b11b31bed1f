#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns a text file into a C header with one string: embed.py NAME INPUT OUTPUT."""

import sys

name, source, target = sys.argv[1:]
with open(source, encoding="utf-8") as f, open(target, "w", encoding="utf-8") as out:
    out.write(f"static const char {name}[] =\n")
    for line in f:
        text = line.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"')
        out.write(f'        "{text}\\n"\n')
    out.write("        ;\n")
