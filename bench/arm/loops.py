#!/usr/bin/env python3
"""The hot loops of the NEON kernels under llvm-mca: cycles per iteration against the bound of the multiply-adds, by GCC and by Clang.

loops.py table   COMPILER... -- FLAGS     a table; COMPILER is a command, e.g. "aarch64-linux-gnu-g++" or "clang++ --target=aarch64-linux-gnu"
loops.py check   COMPILER... -- FLAGS     against the committed baseline and the limits below: exit status 1 when a loop got worse
loops.py refresh COMPILER... -- FLAGS     writes the baseline anew

Each compiler makes assembly of arch/targets/neon.cpp; the innermost loop with most multiply-adds is taken from every function named
GemmTile<rows, vectors> and PlanarBlock<rows>: their names are the markers.

Models of LLVM 16: cortex-a55 is its own (it lets two 128-bit multiply-adds by lane start in one cycle where the core has one, so shares
above 100 % are cut); cortex-a72 is Cortex-A57's; Cortex-A76 and Neoverse N1 have none and would silently get A57's, so neoverse-n2 with
its two multiply-add pipes stands for them; cortex-a53's is pessimistic: compare loops with it, no more. None knows caches.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SKIPPED = 77
# name shown, -mcpu, 128-bit multiply-adds a cycle
CPUS = [("A53", "cortex-a53", 1), ("A55", "cortex-a55", 1), ("A72", "cortex-a72", 1), ("A76/N1", "neoverse-n2", 2)]
# The tile that the plan takes for most layers, and what it must reach, in percent.
MAIN_TILES = ("GemmTile<8,2>", "GemmTile<6,3>")
MAIN_LIMITS = {"A76/N1": 90, "A55": 80}


def functions(assembly):
    name, body = None, []
    for line in assembly.splitlines():
        match = re.match(r"^(_Z\S*?(GemmTile|PlanarBlock)\S*):", line)
        if match:
            numbers = re.findall(r"L[jm](\d+)E", match.group(1))
            name, body = "%s<%s>" % (match.group(2), ",".join(numbers)), []
        if name:
            body.append(line)
            if line.strip().startswith(".size"):
                yield name, body
                name = None


def innermost_loops(body):
    labels = {match.group(1): i for i, line in enumerate(body) for match in [re.match(r"^(\.L\w+):", line)] if match}
    for i, line in enumerate(body):
        match = re.match(r"^\s+(?:b\.?\w+|cbn?z|tbn?z)\s.*?(\.L\w+)\s*(?://.*)?$", line)
        if match and labels.get(match.group(1), i) < i:
            inside = body[labels[match.group(1)] + 1:i + 1]
            if not any(text.startswith(".L") for text in inside):
                yield [text for text in inside if re.match(r"^\s+[a-z]", text)]


def count(instructions, pattern):
    return sum(bool(re.match(r"^\s+" + pattern, text)) for text in instructions)


def cycles(mca, cpu, instructions):
    run = subprocess.run([mca, "-mtriple=aarch64-linux-gnu", "-mcpu=" + cpu, "-iterations=1000", "-instruction-info=0",
                          "-resource-pressure=0"], input="\n".join(instructions) + "\n", capture_output=True, text=True)
    match = re.search(r"Total Cycles:\s+(\d+)", run.stdout)
    if not match:
        sys.exit("loops.py: %s -mcpu=%s: %s" % (mca, cpu, run.stderr.strip()))
    return int(match.group(1)) / 1000


def analyse(mca, assembly):
    rows = {}
    for name, body in functions(assembly):
        found = [loop for loop in innermost_loops(body) if count(loop, "fmla")]
        if not found:
            continue
        loop = max(found, key=lambda text: count(text, "fmla"))
        fma = count(loop, "fmla")
        row = {"instructions": len(loop), "fma": fma, "loads": count(loop, "ld"), "stores": count(loop, "st"),
               "moves": count(loop, r"mov\s+v"), "broadcasts": count(loop, "dup"),
               "not by lane": fma - count(loop, r"fmla\s.*\]") if name.startswith("GemmTile") else 0}
        for shown, cpu, peak in CPUS:
            row[shown] = min(100, round(100 * fma / cycles(mca, cpu, loop) / peak))
        rows[name] = row
    return rows


def assembly_of(compiler, flags):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "neon.s")
        subprocess.run(compiler.split() + flags + ["-I", os.path.join(ROOT, "include"), "-I", ROOT, "-S", "-o", out,
                                                   os.path.join(ROOT, "arch", "targets", "neon.cpp")], check=True)
        with open(out) as file:
            return file.read()


def compiler_name(compiler):
    text = subprocess.run(compiler.split() + ["--version"], capture_output=True, text=True).stdout
    match = re.search(r"(clang) version (\d+)", text) or re.search(r"(g)\+\+ .*?\) (\d+)\.", text)
    return "%s-%s" % ("clang" if match.group(1) == "clang" else "gcc", match.group(2)) if match else "unknown"


def show(name, rows):
    print("%s\n  %-16s %5s %4s %5s %6s %5s   %s" % (name, "loop", "instr", "fma", "loads", "stores", "moves",
                                                   "  ".join("%6s" % cpu[0] for cpu in CPUS)))
    for loop in sorted(rows, key=lambda text: (text.split("<")[0], [-int(n) for n in reversed(re.findall(r"\d+", text))])):
        row = rows[loop]
        print("  %-16s %5d %4d %5d %6d %5d   %s" % (loop, row["instructions"], row["fma"], row["loads"], row["stores"], row["moves"],
                                                  "  ".join("%5d%%" % row[cpu[0]] for cpu in CPUS)))


def faults(name, rows, baseline):
    found = []
    for tile in MAIN_TILES:
        row = rows.get(tile)
        if row is None:
            found.append("%s: %s: no loop found" % (name, tile))
            continue
        found += ["%s: %s: %d%% of the bound on %s, below %d%%" % (name, tile, row[cpu], cpu, limit)
                  for cpu, limit in MAIN_LIMITS.items() if row[cpu] < limit]
        found += ["%s: %s: %d %s in the loop" % (name, tile, row[what], what) for what in ("stores", "broadcasts", "not by lane")
                  if row[what]]
    for loop, before in baseline.items():
        if loop not in rows:
            found.append("%s: %s: in the baseline, not in the assembly" % (name, loop))
        elif rows[loop]["instructions"] > before["instructions"] * 1.02 or rows[loop]["stores"] > before["stores"]:
            found.append("%s: %s: %d instructions and %d stores, before %d and %d" % (
                name, loop, rows[loop]["instructions"], rows[loop]["stores"], before["instructions"], before["stores"]))
    return found


def main():
    if "--" not in sys.argv:
        sys.exit(__doc__)
    at = sys.argv.index("--")
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["table", "check", "refresh"])
    parser.add_argument("compilers", nargs="+")
    parser.add_argument("--baselines", default=os.path.join(HERE, "baselines"))
    arguments, flags = parser.parse_args(sys.argv[1:at]), sys.argv[at + 1:]
    mca = shutil.which("llvm-mca-16") or shutil.which("llvm-mca")
    if mca is None or "16" not in os.path.realpath(mca):
        print("skipped: llvm-mca of LLVM 16 (package llvm-16) was not found")
        return SKIPPED
    wrong = []
    for compiler in arguments.compilers:
        name, rows = compiler_name(compiler), analyse(mca, assembly_of(compiler, flags))
        path = os.path.join(arguments.baselines, "loops-%s-aarch64.json" % name)
        if arguments.verb != "check":
            show(name, rows)
        if arguments.verb == "refresh":
            with open(path + ".part", "w") as file:
                json.dump(rows, file, indent=1, sort_keys=True)
                file.write("\n")
            os.replace(path + ".part", path)
        if arguments.verb == "check":
            baseline = {}
            if os.path.exists(path):
                with open(path) as file:
                    baseline = json.load(file)
            wrong += faults(name, rows, baseline)
            print("%s: %d loops, %d in the baseline; main tiles: %s" % (name, len(rows), len(baseline), ", ".join(
                "%s %s" % (tile, " ".join("%s %d%%" % (cpu, rows[tile][cpu]) for cpu in MAIN_LIMITS)) for tile in MAIN_TILES
                if tile in rows)))
    for line in wrong:
        print("FAILED:", line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
