#!/usr/bin/env python3
"""report.py --layers L.json --bench B.json [--wheels W.json] --out DIR: writes DIR/summary.json and DIR/bench.html, prints the table."""
import argparse
import json
import os
import sys

import page
import summary
import table


def read(path):
    with open(path) as file:
        return json.load(file)


def write(path, text):
    temporary = path + ".part%d" % os.getpid()
    with open(temporary, "w") as file:
        file.write(text)
    os.replace(temporary, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", required=True)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--wheels")
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    wheels = read(arguments.wheels) if arguments.wheels and os.path.exists(arguments.wheels) else None
    document = summary.summarize(read(arguments.layers), read(arguments.bench), wheels)
    write(os.path.join(arguments.out, "summary.json"), json.dumps(document, indent=1) + "\n")
    write(os.path.join(arguments.out, "bench.html"), page.render(document))
    text = table.render(document)
    write(os.path.join(arguments.out, "table.txt"), text)
    sys.stdout.write(text)
    print("\nlook at: %s" % ", ".join(os.path.join(arguments.out, name) for name in ("bench.html", "summary.json", "table.txt")))


if __name__ == "__main__":
    try:
        main()
    except (OSError, KeyError, ValueError) as error:
        sys.exit("report.py: %s: %s" % (type(error).__name__, error))
