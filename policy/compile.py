#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns a list of system calls into a C table: compile.py INPUT OUTPUT. See the list for its form."""

import re
import sys

LINE = re.compile(
    r"^(?P<kill>kill )?(?P<call>[a-z0-9_]+)"
    r"(?:\s+(?P<arg>[0-5])(?:&(?P<mask>\w+))?(?P<op>[=!])(?P<value>\w+))?$"
)

source, target = sys.argv[1:]
rows = []
with open(source, encoding="utf-8") as f:
    for number, text in enumerate(f, 1):
        text = text.split("#", 1)[0].rstrip()
        if not text:
            continue
        m = LINE.match(text)
        if not m or (m["mask"] and m["op"] == "!"):
            sys.exit(f"{source}:{number}: not understood: {text}")
        row = [f'.call = "{m["call"]}"']
        if m["kill"]:
            row.append(".is_kill = true")
        if m["arg"]:
            compare = "SCMP_CMP_MASKED_EQ" if m["mask"] else "SCMP_CMP_EQ" if m["op"] == "=" else "SCMP_CMP_NE"
            a, b = (m["mask"], m["value"]) if m["mask"] else (m["value"], "0")
            row.append(f".n_conditions = 1, .condition = {{ {m['arg']}, {compare}, {a}, {b} }}")
        rows.append("        { " + ", ".join(row) + " },\n")

with open(target, "w", encoding="utf-8") as out:
    out.write("static const SandboxRule sandbox_rules[] = {\n" + "".join(rows) + "};\n")
