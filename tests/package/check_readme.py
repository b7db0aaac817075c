#!/usr/bin/env python3
"""The README's C++ example is examples/minimal/main.cpp, word for word, so that what is shown is what was compiled and run; and
every verb that the README tells of is one that ./dev has."""

import difflib
import re
import subprocess
import sys


def main():
    root = sys.argv[1]
    with open(f"{root}/README.md", encoding="utf-8") as file:
        readme = file.read()
    blocks = re.findall(r"^```cpp\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    with open(f"{root}/examples/minimal/main.cpp", encoding="utf-8") as file:
        source = file.read()
    with open(f"{root}/examples/minimal/expected.txt", encoding="utf-8") as file:
        expected = file.read()
    if source not in blocks:
        best = max(blocks, key=lambda b: difflib.SequenceMatcher(None, b, source).ratio(), default="")
        names = ("README.md", "examples/minimal/main.cpp")
        sys.stdout.writelines(difflib.unified_diff(best.splitlines(True), source.splitlines(True), *names))
        sys.exit("FAILED: no ```cpp block of README.md equals examples/minimal/main.cpp")
    if expected not in readme:
        sys.exit("FAILED: README.md does not show what the example prints (examples/minimal/expected.txt)")
    help_text = subprocess.run([f"{root}/dev", "help"], check=True, capture_output=True, text=True).stdout
    verbs = set(re.findall(r"^  ([a-z][a-z-]*)", help_text, re.MULTILINE))
    told = set(re.findall(r"\./dev ([a-z][a-z-]*)", readme))
    if told - verbs:
        sys.exit(f"FAILED: README.md tells of ./dev {sorted(told - verbs)}, which ./dev help does not list")
    print(f"ok: example of {len(source.splitlines())} lines, {len(told)} verbs of ./dev")


if __name__ == "__main__":
    main()
