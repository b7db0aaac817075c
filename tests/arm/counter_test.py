#!/usr/bin/env python3
"""The counting plug-in counts what a program of known length executes, and the same in every run.

counter_test.py BENCH_ARM EMULATOR PROGRAM
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, sys.argv[1])
import counts  # noqa: E402

CALLS = 8  # the two markers and what the compiler puts round them, at most


def main():
    emulator, program = sys.argv[2].split(","), sys.argv[3]
    with tempfile.TemporaryDirectory() as folder:
        plugin, runs = counts.build_plugin(folder), []
        for i in range(2):
            out = os.path.join(folder, "counts%d" % i)
            subprocess.run(emulator + ["-plugin", plugin + ",out=" + out, program], check=True)
            with open(out) as file:
                runs.append([[int(number) for number in line.split()] for line in file])
    print(runs)
    if runs[0] != runs[1] or len(runs[0]) != 2:
        sys.exit("FAILED: two runs differ, or not two lines")
    (instructions, multiply_adds, memory), empty = runs[0]
    if multiply_adds != 1000 or memory != 1000 or not 4001 <= instructions <= 4001 + CALLS:
        sys.exit("FAILED: 1000 multiply-adds, 1000 loads and 4001 instructions were executed")
    if empty[0] > CALLS or empty[1] != 0 or empty[2] != 0:
        sys.exit("FAILED: nothing was executed between the second pair of markers")


if __name__ == "__main__":
    main()
