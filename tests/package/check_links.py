#!/usr/bin/env python3
"""Every relative link and picture in the project's Markdown files leads to a file, and every #heading to a heading."""

import os
import re
import subprocess
import sys

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def anchors(path):
    """The names that a Markdown viewer gives to headings: lower case, words joined by -, without other signs."""
    headings = re.findall(r"^#+ +(.*)$", FENCE.sub("", read(path)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def main():
    root = sys.argv[1]
    command = ["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, capture_output=True, text=True)
    files = listed.stdout.split()
    if listed.returncode != 0:  # an unpacked archive
        files = [os.path.relpath(os.path.join(top, name), root) for top, _, names in os.walk(root) for name in names]
        files = [name for name in files if name.endswith(".md") and not name.startswith("build/")]
    broken, links = [], 0
    for name in files:
        if not os.path.exists(f"{root}/{name}"):
            continue
        for pair in LINK.findall(FENCE.sub("", read(f"{root}/{name}"))):
            link = pair[0] or pair[1]
            if re.match(r"[a-z]+:", link):
                continue
            links += 1
            path, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(root, os.path.dirname(name), path)) if path else f"{root}/{name}"
            if not os.path.exists(target):
                broken.append(f"{name}: {link}: no such file")
            elif anchor and target.endswith(".md") and anchor not in anchors(target):
                broken.append(f"{name}: {link}: no such heading")
    print(*broken, sep="\n")
    if broken or not files:
        sys.exit(f"FAILED: {len(broken)} broken link(s) in {len(files)} files")
    print(f"ok: {links} links in {len(files)} files")


if __name__ == "__main__":
    main()
