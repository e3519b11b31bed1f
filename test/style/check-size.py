#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""No source file above 600 lines, no function above 80.

Relies on the format (see check-format): the braces of a function, and of nothing else, stand alone
at the beginning of a line.
"""

import re
import sys

sys.dont_write_bytecode = True
import style

FILE_MAX = 600
FUNCTION_MAX = 80

# (file, function): why it is longer. A row that is not needed is a finding.
EXCEPTIONS = {}

COMMENTS_AND_LITERALS = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.S | re.X
)


def strip(text):
    """The code alone: comments and literals go, line breaks stay."""
    return COMMENTS_AND_LITERALS.sub(lambda match: "\n" * match[0].count("\n"), text)


def function_name(lines, opening):
    first = opening
    while first > 0 and lines[first - 1] and lines[first - 1][0] not in "}#":
        first -= 1
    for name in re.findall(r"(\w+)\s*\(", " ".join(lines[first:opening])):
        if name != "__attribute__":
            return name
    return "?"


def functions(lines):
    """Yields (name, first line, number of lines), or (None, line, 0) for braces out of place."""
    opening = None
    depth = 0
    for number, line in enumerate(lines):
        if line == "{" and depth == 0:
            opening = number
        depth += line.count("{") - line.count("}")
        if depth < 0 or (line == "}" and depth != 0):
            yield None, number + 1, 0
            return
        if line == "}" and opening is not None:
            yield function_name(lines, opening), opening + 1, number - opening + 1
            opening = None
    if depth != 0:
        yield None, len(lines), 0


def check(root):
    needed = set()
    findings = []
    for name in style.files(root, {"src", "test"}, style.C):
        text = (root / name).read_text(encoding="utf-8")
        n_lines = text.count("\n")
        if n_lines > FILE_MAX:
            findings.append((name, 0, f"{n_lines} lines, more than {FILE_MAX}"))

        for function, first, size in functions(strip(text).split("\n")):
            if function is None:
                findings.append((name, first, "braces not as the formatter puts them"))
            elif size > FUNCTION_MAX and (str(name), function) in EXCEPTIONS:
                needed.add((str(name), function))
            elif size > FUNCTION_MAX:
                findings.append((name, first, f"{function}() has {size} lines, not {FUNCTION_MAX}"))

    for file, function in sorted(set(EXCEPTIONS) - needed):
        findings.append((file, 0, f"the exception for {function}() is not needed"))
    return findings


def body(n_lines):
    return "{\n" + "        work();\n" * (n_lines - 2) + "}\n"


GOOD = {
    "src/base/a.c": "/* } */\nstatic const char *braces = \"{{\";\n\nstruct A {\n        int b;\n};\n\n"
    + f"int short_one(char c)\n{body(80)}\n",
    "src/base/b.c": "\n" * 600,
    "src/base/excused.c": "int excused(void)\n" + body(81),
    "test/unit/test-a.c": "int main(void)\n" + body(3),
}

BAD = [
    ("601 lines", {"src/base/c.c": "\n" * 601}),
    ("601 lines", {"test/unit/test-c.c": "\n" * 601}),
    ("long_one() has 81 lines", {"src/base/c.c": "static int *long_one(int a)\n" + body(81)}),
    (
        "long_one() has 81 lines",
        {"src/base/c.c": "/* Why (it is here). */\nint long_one(int a,\n    int b)\n" + body(81)},
    ),
    ("long_one() has 90 lines", {"test/unit/test-a.c": "int long_one(void)\n" + body(90)}),
    ("long_one() has 81 lines", {"src/base/c.h": "static inline void long_one(void)\n" + body(81)}),
    ("excused() is not needed", {"src/base/excused.c": "int excused(void)\n" + body(80)}),
    ("braces not as", {"src/base/c.c": "int f(void)\n{\n        if (a) {\n}\n"}),
    ("braces not as", {"src/base/c.c": "int f(void)\n{\n        }\n}\n"}),
]

if sys.argv[1:] == ["--self-test"]:
    EXCEPTIONS = {("src/base/excused.c", "excused"): "to test exceptions"}

style.main(check, GOOD, BAD)
