#!/usr/bin/env python3
"""compare.py BASE_RUNNER HEAD_RUNNER: the statistical regression gate (./dev bench-compare).

Two processes, one core, turns in the order A B B A; each turn is a few milliseconds of one layer, and counts its fastest run, which
what else happens on the machine disturbs least; a slowdown that only some runs of a turn have can therefore hide from it. Neighbouring
turns of A and B are compared with each other. A layer is suspect when half of the threshold is passed and chance is unlikely. It is then
measured again in fresh pairs of processes, because where the loader puts code and the kernel puts pages moves times by some percent for a
process's life, and is slower when these together say so: by the whole threshold in the median pair, and surely not by chance.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

from statistics_of_two import is_slower, ratios_of, signed_rank_test, slowdown

TURNS = 40          # of each side
SLICE = 0.0025      # seconds of a turn
CONFIRMATIONS = 3   # fresh pairs of processes
SUSPICION = 0.05    # chance of a suspect that is none
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
    """Pairs of microseconds, and the algorithms."""
    seconds, algorithm_a = a.prepare(layer, layout)
    _, algorithm_b = b.prepare(layer, layout)
    count = max(1, min(200, int(SLICE / max(seconds, 1e-7))))
    turns = turns if seconds < 0.02 else max(8, min(turns, int(2 / seconds)))
    pairs = []
    for turn in range(turns):
        if turn % 2 == 0:
            first = a.fastest(count)
            pairs.append((first, b.fastest(count)))
        else:
            second = b.fastest(count)
            pairs.append((a.fastest(count), second))
    a.ask("free")
    b.ask("free")
    return pairs, "%s -> %s" % (algorithm_a, algorithm_b) if algorithm_a != algorithm_b else algorithm_a


def fresh_samples(arguments, options, layer, layout):
    """A list of pairs for each of several new pairs of processes."""
    samples = []
    for _ in range(CONFIRMATIONS):
        a, b = Side(arguments.base, options), Side(arguments.head, options)
        samples.append(sample(a, b, layer, layout, TURNS)[0])
        a.close()
        b.close()
    return samples


def write_samples(path, results, side):
    """As Google Benchmark's JSON, for other tools."""
    rows = [{"name": name, "run_name": name, "run_type": "iteration", "repetitions": len(pairs), "repetition_index": i,
             "real_time": pair[side], "cpu_time": pair[side], "time_unit": "us", "iterations": 1}
            for name, (pairs, _) in results.items() for i, pair in enumerate(pairs)]
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
            name = "f32/%s/%s" % (layout, layer)
            results[name] = sample(a, b, layer, layout, TURNS)
            if is_slower([results[name][0]], threshold / 2, SUSPICION):
                suspects.append((layer, layout, name))
    a.close()
    b.close()
    print(file=sys.stderr)
    slower = []
    for layer, layout, name in suspects:
        samples = fresh_samples(arguments, options, layer, layout)
        found = is_slower(samples, threshold, SIGNIFICANCE)
        print("suspect: %s: %+.1f%%; in fresh processes %s: %s" % (
            name, 100 * (slowdown(results[name][0]) - 1), ", ".join("%+.1f%%" % (100 * (slowdown(pairs) - 1)) for pairs in samples),
            "slower" if found else "no"), file=sys.stderr)
        if found:
            slower.append((name, samples))
    write_samples(os.path.join(arguments.out, "compare-base.json"), results, 0)
    write_samples(os.path.join(arguments.out, "compare-head.json"), results, 1)
    faster = []
    for name, (pairs, _) in results.items():
        if is_slower([[(second, first) for first, second in pairs]], threshold, SIGNIFICANCE):
            faster.append((name, slowdown(pairs)))
    for name, ratio in sorted(faster, key=lambda item: item[1]):
        print("faster: %s: %+.1f%%" % (name, 100 * (ratio - 1)))
    for name, samples in slower:
        print("SLOWER: %s: %+.1f%% (%s, p = %.1g)" % (
            name, 100 * (statistics.median(slowdown(pairs) for pairs in samples) - 1), results[name][1],
            signed_rank_test([ratio for pairs in samples for ratio in ratios_of(pairs)])))
    print("%d rows, %d faster, %d slower by more than %g%%" % (len(results), len(faster), len(slower), arguments.threshold))
    return 1 if slower else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        print("compare.py: %s" % error, file=sys.stderr)
        sys.exit(2)
