# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the style checks share: the walk over the tree, the report and the self-test.

A check is a function from the root of a tree to a list of findings (path, line, text). It is
tested by trees that it must complain about, so that it cannot pass by looking at nothing.
"""

import sys
import tempfile
from pathlib import Path

SKIP = 77

# C, for files().
C = {".c", ".h"}


def is_raw(name):
    """Inputs of tests may hold any bytes: test/fuzz/<noun>/* and all below test/golden."""
    return name.parts[:2] == ("test", "golden") or (
        name.parts[:2] == ("test", "fuzz") and len(name.parts) > 3
    )


def files(root, under=None, suffixes=None):
    """The files of the tree as sorted relative paths, or those below some directories and with
    some suffixes; none at all is an error."""
    found = []
    for path in root.rglob("*"):
        name = path.relative_to(root)
        if path.is_symlink() or not path.is_file() or is_raw(name):
            continue
        if name.parts[0] == ".git" or "__pycache__" in name.parts:
            continue
        if any((parent / "meson-private").is_dir() for parent in path.parents):
            continue
        if (not under or name.parts[0] in under) and (not suffixes or name.suffix in suffixes):
            found.append(name)
    if not found:
        sys.exit(f"{root}: nothing to check")
    return sorted(found)


def lines(root, name):
    # Bytes: reading as text would hide carriage returns.
    return (root / name).read_bytes().decode("utf-8").split("\n")


def self_test(check, good, bad):
    """Runs check over the tree good, then with each change of bad, which names what it must say."""
    for expected, change in [(None, {}), *bad]:
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            for name, text in {**good, **change}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding="utf-8")
            findings = check(root)
        told = [text for path, line, text in findings]
        if expected is None and told:
            sys.exit(f"self-test: the good tree gives {told}")
        if expected is not None and (len(told) != 1 or expected not in told[0]):
            sys.exit(f"self-test: expected '{expected}', got {told}")
    print(f"ok: {len(bad)} bad trees were refused")


def main(check, good, bad):
    if sys.argv[1:] == ["--self-test"]:
        self_test(check, good, bad)
        return
    root = Path(sys.argv[1] if sys.argv[1:] else Path(__file__).parents[2]).resolve()
    findings = check(root)
    for path, line, text in findings:
        print(f"{path}:{line}: {text}" if line else f"{path}: {text}")
    if findings:
        sys.exit(1)
    print("ok")
