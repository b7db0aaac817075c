#!/usr/bin/env python3
"""Executed AArch64 instructions per layer under QEMU's counting plug-in: ours in both layouts, and XNNPACK's where it was built in.

counts.py table   PROGRAM [options]   a table; exit status 1 when a layer has more instructions than the peer
counts.py check   PROGRAM [options]   against the committed baseline: exit status 1 when a layer executes more
counts.py refresh PROGRAM [options]   writes the baseline anew
PROGRAM is count_layers; the words of its emulator go into --emulator. Exit status 77 (skipped): no baseline for this compiler.

The bound of a dense layer: one multiply-add of four lanes for four multiplications, and for a tile of MR rows by NV vectors
NV / (MR NV) loads of the panel and 1 / (4 NV) loads of rows (four steps of the sum each) per multiply-add:
    instructions >= multiplications / 4 * (1 + 1 / MR + 1 / (4 NV))  =  multiplications / 4 * 1.25   for 8 x 2 and 6 x 3.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BOUND = 1.25 / 4


def build_plugin(folder):
    plugin = os.path.join(folder, "qemu_counter.so")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", plugin, os.path.join(HERE, "qemu_counter.c")], check=True)
    return plugin


def measure(arguments):
    """{layer: {who: {"algorithm", "multiplications", "instructions", "multiply_adds", "memory"}}}, a call of one image each."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "counts")
        command = arguments.emulator.split(",") + ["-plugin", build_plugin(folder) + ",out=" + out, arguments.program,
                                                   "--multiplications", str(arguments.multiplications)]
        if arguments.tier is not None:
            command += ["--tier", str(arguments.tier)]
        if arguments.layer:
            command += ["--layer-filter", arguments.layer]
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if run.returncode != 0:
            sys.exit("counts.py: exit status %d: %s" % (run.returncode, run.stderr.strip()))
        with open(out) as file:
            counts = [[int(number) for number in line.split()] for line in file]
    rows = [line.split() for line in run.stdout.splitlines()]
    if not rows or len(rows) != len(counts):
        sys.exit("counts.py: %d layers, %d counts" % (len(rows), len(counts)))
    layers = {}
    for (layer, who, algorithm, multiplications, images), (instructions, multiply_adds, memory) in zip(rows, counts):
        row = {"algorithm": algorithm, "multiplications": int(multiplications), "instructions": instructions // int(images),
               "multiply_adds": multiply_adds // int(images), "memory": memory // int(images)}
        best = layers.setdefault(layer, {}).get(who)
        if best is None or row["instructions"] < best["instructions"]:
            layers[layer][who] = row
    return layers


def table(layers):
    worse = 0
    print("%-22s %6s %-12s %9s %6s %7s %7s" % ("layer", "layout", "algorithm", "MACs", "instr", "/bound", "/XNNPACK"))
    for name, whos in layers.items():
        peer = whos.get("xnnpack")
        for who in ("nhwc", "nchw"):
            row = whos[who]
            ratio = row["instructions"] / peer["instructions"] if peer else None
            print("%-22s %6s %-12s %8.1fM %5.2f %7.2f %7s" % (
                name, who, row["algorithm"], row["multiplications"] * 1e-6, row["instructions"] / row["multiplications"],
                row["instructions"] / (row["multiplications"] * BOUND), "%.2f" % ratio if ratio else "-"))
        if peer and min(whos[who]["instructions"] for who in ("nhwc", "nchw")) > peer["instructions"]:
            worse += 1
    return worse


def compiler_of(program):
    comment = subprocess.run(["readelf", "-p", ".comment", program], capture_output=True, text=True).stdout
    for name, pattern in (("clang", r"clang version (\d+)"), ("gcc", r"GCC: .*?(\d+)\.\d+\.\d+")):
        match = re.search(pattern, comment)
        if match:
            return "%s-%s" % (name, match.group(1))
    return "unknown"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["table", "check", "refresh"])
    parser.add_argument("program")
    parser.add_argument("--emulator", default="qemu-aarch64,-L,/usr/aarch64-linux-gnu", help="words, with commas between them")
    parser.add_argument("--multiplications", type=int, default=2000000, help="of a layer, at most: sizes are shrunk")
    parser.add_argument("--tier", type=int, default=2)
    parser.add_argument("--layer", help="regular expression of layer names")
    parser.add_argument("--tolerance", type=float, default=2.0, help="percent")
    parser.add_argument("--baselines", default=os.path.join(HERE, "baselines"))
    arguments = parser.parse_args()
    layers = measure(arguments)
    if arguments.verb == "table":
        return 1 if table(layers) else 0
    path = os.path.join(arguments.baselines, "counts-%s-aarch64.json" % compiler_of(arguments.program))
    ours = {"%s/%s" % (who, name): whos[who]["instructions"] for name, whos in layers.items() for who in ("nhwc", "nchw")}
    if arguments.verb == "refresh":
        os.makedirs(arguments.baselines, exist_ok=True)
        with open(path + ".part", "w") as file:
            json.dump({"multiplications": arguments.multiplications, "instructions": ours}, file, indent=1, sort_keys=True)
            file.write("\n")
        os.replace(path + ".part", path)
        print("%s: %d rows" % (path, len(ours)))
        return 0
    if not os.path.exists(path):
        print("skipped: no baseline %s" % path)
        return 77
    with open(path) as file:
        baseline = json.load(file)["instructions"]
    slower = 0
    for name, count in sorted(ours.items()):
        change = 100.0 * (count / baseline[name] - 1) if name in baseline else 0.0
        slower += change > arguments.tolerance
        if name not in baseline or abs(change) > arguments.tolerance:
            print("%s: %d -> %d (%+.1f%%)" % (name, baseline.get(name, 0), count, change))
    print("%d rows against %s: %d with more instructions" % (len(ours), os.path.basename(path), slower))
    return 1 if slower or set(baseline) - set(ours) else 0


if __name__ == "__main__":
    sys.exit(main())
