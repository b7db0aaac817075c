#!/usr/bin/env python3
"""compare.py BASE_RUNNER HEAD_RUNNER: the statistical regression gate (./dev bench-compare).

Two processes, one core, turns in the order A B B A; each turn is a few milliseconds of one layer, and counts its fastest run, which
what else happens on the machine disturbs least; a slowdown that only some runs of a turn have can therefore hide from it. A layer is suspect when the rank test and the
threshold agree, and slower when most of several fresh pairs of processes say so too: where the loader puts code and the kernel puts
pages moves times by some percent for a process's life.
"""
import argparse
import json
import os
import subprocess
import sys

from statistics_of_two import is_slower, rank_test, slowdown

TURNS = 16          # of each side
SLICE = 0.006       # seconds of a turn
CONFIRMATIONS = 3   # fresh pairs of processes; two must agree
SIGNIFICANCE = 1e-3


class Side:
    def __init__(self, program, arguments):
        self.process = subprocess.Popen([program] + arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.program = program

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError("%s died" % self.program)
        reply = self.process.stdout.readline()
        if not reply:
            raise RuntimeError("%s died at: %s (exit status %s)" % (self.program, line, self.process.wait()))
        return reply.split()

    def prepare(self, layer, layout):
        reply = self.ask("prepare x %s %s" % (layer, layout))
        if reply[0] != "ok":
            raise RuntimeError("%s %s: %s: %s" % (layer, layout, self.program, " ".join(reply)))
        return float(reply[-1]), reply[1]

    def fastest(self, count):
        reply = self.ask("time x %d" % count)
        if reply[0] != "ns":
            raise RuntimeError("%s: %s" % (self.program, " ".join(reply)))
        return min(int(v) for v in reply[1:]) * 1e-3

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def layer_names(program, arguments):
    reply = subprocess.run([program, "--list-layers"] + arguments, stdout=subprocess.PIPE,
                           text=True, check=True).stdout
    return reply.split()


def sample(a, b, layer, layout, turns):
    """Two lists of microseconds, and the algorithms."""
    seconds, algorithm_a = a.prepare(layer, layout)
    _, algorithm_b = b.prepare(layer, layout)
    count = max(1, min(200, int(SLICE / max(seconds, 1e-7))))
    turns = turns if seconds < 0.05 else max(6, min(turns, int(4 / seconds)))
    times = ([], [])
    for turn in range(turns):
        for side in ((0, 1) if turn % 2 == 0 else (1, 0)):
            times[side].append((a, b)[side].fastest(count))
    a.ask("free")
    b.ask("free")
    return times[0], times[1], "%s -> %s" % (algorithm_a, algorithm_b) if algorithm_a != algorithm_b else algorithm_a


def write_samples(path, results, side):
    """As Google Benchmark's JSON, for other tools."""
    rows = [{"name": name, "run_name": name, "run_type": "iteration", "repetitions": len(r[side]), "repetition_index": i,
             "real_time": us, "cpu_time": us, "time_unit": "us", "iterations": 1}
            for name, r in results.items() for i, us in enumerate(r[side])]
    temporary = path + ".part%d" % os.getpid()
    with open(temporary, "w") as file:
        json.dump({"context": {}, "benchmarks": rows}, file, indent=1)
    os.replace(temporary, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("head")
    parser.add_argument("--out", default=".")
    parser.add_argument("--threshold", type=float, default=5.0, help="percent")
    parser.add_argument("--layers")
    parser.add_argument("--tier", default="0")
    parser.add_argument("--filter", default="")
    parser.add_argument("--target", default="auto")
    parser.add_argument("--winograd", default="standard")
    arguments = parser.parse_args()
    suite = ["--tier", arguments.tier, "--layer-filter", arguments.filter]
    suite += ["--layers", arguments.layers] if arguments.layers else []
    names = layer_names(arguments.head, suite)
    # Both sides read the suite of the head's tree.
    suite += [] if arguments.layers else ["--layers", subprocess.run([arguments.head, "--suite-path"], stdout=subprocess.PIPE, text=True,
                                                                     check=True).stdout.strip()]
    options = suite + ["--target", arguments.target, "--winograd", arguments.winograd]
    threshold = arguments.threshold / 100
    results, suspects = {}, []
    a, b = Side(arguments.base, options), Side(arguments.head, options)
    for number, layer in enumerate(names):
        print("\r%3d/%d  %-28s" % (number + 1, len(names), layer), end="", file=sys.stderr, flush=True)
        for layout in ("nchw", "nhwc"):
            first, second, algorithm = sample(a, b, layer, layout, TURNS)
            results["f32/%s/%s" % (layout, layer)] = (first, second, algorithm)
            if is_slower(first, second, threshold, SIGNIFICANCE):
                suspects.append((layer, layout))
    a.close()
    b.close()
    print(file=sys.stderr)
    slower = []
    for layer, layout in suspects:
        name = "f32/%s/%s" % (layout, layer)
        print("suspect: %s: %+.1f%%; again in fresh processes" % (name, 100 * (slowdown(*results[name][:2]) - 1)), file=sys.stderr)
        ratios = []
        for _ in range(CONFIRMATIONS):
            a, b = Side(arguments.base, options), Side(arguments.head, options)
            first, second, _ = sample(a, b, layer, layout, TURNS)
            a.close()
            b.close()
            if is_slower(first, second, threshold, SIGNIFICANCE):
                ratios.append(slowdown(first, second))
        if len(ratios) * 2 > CONFIRMATIONS:
            slower.append((name, min(ratios)))
    write_samples(os.path.join(arguments.out, "compare-base.json"), results, 0)
    write_samples(os.path.join(arguments.out, "compare-head.json"), results, 1)
    faster = [(name, slowdown(r[0], r[1])) for name, r in results.items() if is_slower(r[1], r[0], threshold, SIGNIFICANCE)]
    for name, ratio in sorted(faster, key=lambda item: item[1]):
        print("faster: %s: %+.1f%%" % (name, 100 * (ratio - 1)))
    for name, ratio in slower:
        print("SLOWER: %s: %+.1f%% (%s, p = %.1g)" % (name, 100 * (ratio - 1), results[name][2], rank_test(*results[name][:2])))
    print("%d rows, %d faster, %d slower by more than %g%%" % (len(results), len(faster), len(slower), arguments.threshold))
    return 1 if slower else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        print("compare.py: %s" % error, file=sys.stderr)
        sys.exit(2)
