#!/usr/bin/env python3
"""The README's C++ example is examples/minimal/main.cpp, word for word, so that what is shown is what was compiled and run; and
every verb and command that the README tells of is there."""

import difflib
import re
import shlex
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
    # Of the program's commands, each verb has help, and those without a file to fill in are run.
    commands = re.findall(r"`tconv ([a-z][^`]*)`", readme)
    for command in commands if len(sys.argv) > 2 else []:
        words = shlex.split(command)
        complete = not any(word.isupper() or word.endswith((".onnx", ".png", ".npy", "...")) for word in words)
        call = [sys.argv[2], *(words if complete else [words[0], "--help"])]
        done = subprocess.run(call, capture_output=True, text=True)
        if done.returncode != 0 or not done.stdout:
            sys.exit(f"FAILED: README.md tells of `tconv {command}`; {shlex.join(call)} ends with {done.returncode}: {done.stderr}")
    print(f"ok: example of {len(source.splitlines())} lines, {len(told)} verbs of ./dev, {len(commands)} commands of tconv")


if __name__ == "__main__":
    main()
