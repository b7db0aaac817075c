#!/usr/bin/env python3
"""Instructions per layer under callgrind against a committed baseline: a regression gate that no noise can touch.

counts.py check   PROGRAM --target T [--baselines DIR] [--tolerance 2]   exit 1 and the layers' names when one executes more
counts.py refresh PROGRAM --target T [--baselines DIR]                   writes the baseline anew
PROGRAM is tconv_count. Exit status 77 (skipped): no valgrind, or no baseline for this compiler and target yet.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
# Multiplications a layer: what keeps one pass over the suite near a minute with each instruction set.
LIMITS = {"avx2": 3000000, "sse4": 1500000, "scalar": 400000}


class Failure(Exception):
    pass


def read_dumps(text):
    """{name: instructions} of a callgrind file with combined dumps."""
    counts, name = {}, None
    for line in text.splitlines():
        if line.startswith("desc: Trigger:"):  # the last dump, at the end of the program, has no name
            match = re.match(r"desc: Trigger: Client Request: (\S+)", line)
            name = match.group(1) if match else None
        match = re.match(r"(?:summary|totals): (\d+)", line)
        if match and name is not None:
            counts[name] = int(match.group(1))
    return counts


def measure(program, target, layers=None, limit=None):
    """(compiler, {name: (instructions, algorithm)})"""
    if shutil.which("valgrind") is None:
        raise FileNotFoundError("valgrind is not installed")
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "callgrind.out")
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--combine-dumps=yes", "--callgrind-out-file=" + out,
                   program, "--target", target, "--multiplications", str(limit or LIMITS.get(target, 1000000))]
        if layers:
            command += ["--layers", layers]
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if run.returncode != 0:
            last = [line for line in run.stderr.splitlines() if line and not line.startswith("==")]
            raise Failure("%s under valgrind: exit status %d: %s" % (program, run.returncode, last[-1] if last else "no message"))
        with open(out) as file:
            dumps = read_dumps(file.read())
    compiler, rows = None, {}
    for line in run.stdout.splitlines():
        first, second = line.split()
        if first == "compiler":
            compiler = second
        elif first in dumps:
            rows[first] = (dumps[first], second)
        else:
            raise Failure("callgrind has no dump for " + first)
    return compiler, rows


def baseline_path(folder, compiler, target):
    return os.path.join(folder, "%s-%s.json" % (compiler, target))


def write_baseline(path, compiler, target, limit, rows):
    lines = ['  %s: {"instructions": %d, "algorithm": "%s"}' % (json.dumps(name), rows[name][0], rows[name][1])
             for name in sorted(rows)]
    text = '{"compiler": "%s", "target": "%s", "multiplications": %d,\n "layers": {\n%s\n }}\n' % (
        compiler, target, limit, ",\n".join(lines))
    temporary = path + ".part%d" % os.getpid()
    with open(temporary, "w") as file:
        file.write(text)
    os.replace(temporary, path)


def compare(baseline, rows, tolerance):
    """Three lists of lines: slower (fails), faster (the baseline wants a refresh), other differences."""
    slower, faster, other = [], [], []
    for name, (count, algorithm) in sorted(rows.items()):
        if name not in baseline:
            other.append("%s: not in the baseline" % name)
            continue
        before = baseline[name]["instructions"]
        change = 100.0 * (count - before) / before
        line = "%s: %+.1f%% instructions (%d -> %d)" % (name, change, before, count)
        if algorithm != baseline[name]["algorithm"]:
            line += ", algorithm %s -> %s" % (baseline[name]["algorithm"], algorithm)
        if change > tolerance:
            slower.append(line)
        elif change < -tolerance:
            faster.append(line)
        elif algorithm != baseline[name]["algorithm"]:
            other.append(line)
    other += ["%s: in the baseline, but not measured" % name for name in sorted(baseline) if name not in rows]
    return slower, faster, other


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["check", "refresh"])
    parser.add_argument("program")
    parser.add_argument("--target", required=True)
    parser.add_argument("--baselines", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "baselines"))
    parser.add_argument("--tolerance", type=float, default=2.0, help="percent")
    parser.add_argument("--layers", help="another suite (CSV)")
    arguments = parser.parse_args()
    try:
        compiler, rows = measure(arguments.program, arguments.target, arguments.layers)
    except FileNotFoundError as error:
        print("skipped: %s" % error)
        return SKIPPED
    except Failure as error:
        print("counts.py: %s" % error, file=sys.stderr)
        return 2
    path = baseline_path(arguments.baselines, compiler, arguments.target)
    total = sum(count for count, _ in rows.values())
    if arguments.verb == "refresh":
        os.makedirs(arguments.baselines, exist_ok=True)
        write_baseline(path, compiler, arguments.target, LIMITS.get(arguments.target, 1000000), rows)
        print("%s: %d rows, %.2f billion instructions" % (path, len(rows), total * 1e-9))
        return 0
    if not os.path.exists(path):
        print("skipped: no baseline %s; './dev bench-baseline' makes it" % path)
        return SKIPPED
    with open(path) as file:
        baseline = json.load(file)["layers"]
    slower, faster, other = compare(baseline, rows, arguments.tolerance)
    for title, lines in (("FEWER instructions (refresh the baseline)", faster), ("different", other), ("SLOWER", slower)):
        for line in lines:
            print("%s: %s" % (title, line))
    print("%d rows against %s: %d slower, %d faster by more than %g%%" % (
        len(rows), os.path.basename(path), len(slower), len(faster), arguments.tolerance))
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
