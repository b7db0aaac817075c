#!/usr/bin/env python3
"""Times the peers that come as Python wheels, and our operator in alternation with them, one process each on one core.

For each layer: our runner (tconv_runner, a C++ process) and every worker load it; every result is checked against the same sample of
the definition; then rounds in which all take their turn, in changing order. Written is the median over rounds of the round's median.
A worker that dies is started again for the next layer. A peer whose first run of a layer takes too long is ended and named as too slow
for it. Run it with the interpreter of the virtual environment that venv.sh makes.
"""
import argparse
import json
import os
import random
import select
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

import models

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = ["onnxruntime", "openvino", "ncnn", "mnn", "litert"]
ROUNDS = 5
# The widest vectors that a peer may see when a target is asked for.
VECTOR_BITS = {"scalar": 128, "sse4": 128, "avx2": 256}
LOAD_PATIENCE = 30  # seconds for loading a model
RUN_PATIENCE = 5    # seconds for a run, or that many times as long as ours, whichever is more
TIMES_OURS = 10
SLICE = 0.015       # seconds of one turn
BUDGET = 4          # seconds of all turns of one contestant on one layer; the first round is always done
# A layer that is nothing but the call: 1 channel, 1 pixel, 1 tap.
EMPTY = dict(name="empty", rank=2, batch=1, in_channels=1, out_channels=1, groups=1, bias=False, input=[1, 1], kernel=[1, 1],
             stride=[1, 1], pad_begin=[0, 0], pad_end=[0, 0], output_padding=[0, 0], dilation=[1, 1], output=[1, 1])


class Gone(Exception):
    """The process at the other end died."""


class TooSlow(Gone):
    """It was ended."""


class Pipe:
    def __init__(self, command, environment=None, folder=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env=environment, cwd=folder)

    def read(self, patience=None):
        """One line. With `patience` in seconds a process that keeps silent for longer is ended: one slow peer must not hold up the rest."""
        if patience is not None and not select.select([self.process.stdout], [], [], patience)[0]:
            self.process.kill()
            self.process.wait()
            raise TooSlow("takes more than %.0f s" % patience)
        line = self.process.stdout.readline()
        if not line:
            raise Gone("exit status %s" % self.process.wait())
        return line.rstrip("\n")

    def ask(self, line, patience=None):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Gone("exit status %s" % self.process.wait())
        return self.read(patience)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Worker:
    """A peer: restarted when it dies."""

    def __init__(self, name, threads, environment, folder):
        """`folder`: where it runs, since libraries leave files where they are."""
        self.name, self.environment, self.folder = name, environment, folder
        self.command = [sys.executable, os.path.join(HERE, "worker.py"), name, "--threads", str(threads)]
        self.pipe, self.absent, self.version, self.overhead_us, self.vector_bits = None, None, None, 0.0, None
        self.start()

    def start(self):
        self.pipe = Pipe(self.command, self.environment, self.folder)
        try:
            hello = json.loads(self.pipe.read())
            self.version, self.absent, self.vector_bits = hello.get("version"), hello.get("error"), hello.get("vector_bits")
        except Gone as gone:
            self.absent = "does not start: %s" % gone

    def ask(self, patience=LOAD_PATIENCE, **request):
        if self.pipe is None:
            self.start()
        try:
            return json.loads(self.pipe.ask(json.dumps(request), patience))
        except TooSlow as slow:
            self.pipe = None
            what = {"load": "loading", "first": "its first run", "time": "a turn"}[request["do"]]
            return {"error": "too slow: %s %s" % (what, slow)}
        except Gone as gone:
            self.pipe = None
            return {"error": "crashed: %s" % gone}

    def load(self, layer, prefix, patience):
        """{"seconds", "extra_bytes"} or {"cannot"} or {"error"}"""
        reply = self.ask(do="load", layer=layer, prefix=prefix)
        return self.ask(patience, do="first") if "loaded" in reply else reply


def limit_of(worker, target):
    """What truly held for this worker, from what its own process saw, not from what was asked for."""
    if target not in VECTOR_BITS:
        return "none asked for"
    if worker.vector_bits is None or worker.vector_bits > VECTOR_BITS[target]:
        return "not limited"
    return "CPUID shows %d-bit vectors" % worker.vector_bits


def check(output, sample, layer):
    """None, or what is wrong; the same rule as Case::check()."""
    shape = [layer["batch"], layer["out_channels"], -1]
    y = output.reshape(shape)
    if not numpy.isfinite(y).all():
        return "wrong result: not finite"
    difference = numpy.abs(y[sample["image"], sample["channel"], sample["pixel"]] - sample["value"])
    if (difference > sample["tolerance"]).any():
        at = int(numpy.argmax(difference / sample["tolerance"]))
        return "wrong result: image %d, channel %d, pixel %d is off by %g (tolerance %.2g)" % (
            sample["image"][at], sample["channel"][at], sample["pixel"][at], difference[at], sample["tolerance"][at])
    return None


def write_models(layer, prefix):
    _, shape, _ = models.dense_shapes(layer)
    weights = numpy.fromfile(prefix + ".weights", dtype=numpy.float32).reshape(shape)
    bias = numpy.fromfile(prefix + ".bias", dtype=numpy.float32)
    models.write_onnx(layer, weights, bias, prefix + ".onnx")
    models.write_ncnn(layer, weights, bias, prefix)
    try:
        reason = models.write_tflite(layer, weights, bias, prefix + ".tflite")
    except ImportError:
        reason = "its schema is missing"
    if reason:
        with open(prefix + ".tflite.cannot", "w") as file:
            file.write(reason)


def load_workers(workers, layer, prefix, sample, patience):
    """{name: {"seconds", "extra_bytes"} or {"cannot"}}"""
    loaded = {}
    for worker in workers:
        reply = worker.load(layer, prefix, patience)
        if "seconds" in reply:
            wrong = check(numpy.fromfile(prefix + ".output", dtype=numpy.float32), sample, layer)
            os.remove(prefix + ".output")
            if wrong:
                reply = {"cannot": wrong}
        loaded[worker.name] = reply if "seconds" in reply else {"cannot": reply.get("cannot") or reply["error"]}
    return loaded


def prepare_ours(runner, layer, algorithm):
    """{layout: seconds of a run}"""
    seconds = {}
    for layout in ("nchw", "nhwc"):
        reply = runner.ask("prepare %s %s %s %s" % (layout, layer["name"], layout, algorithm))
        if reply.startswith("ok"):
            seconds[layout] = float(reply.split()[-1])
        else:
            print("wheels.py: our operator: %s %s: %s" % (layer["name"], layout, reply), file=sys.stderr)
    return seconds


def alternate(turns, seconds, rounds, rng):
    """turns: {key: function(count) -> list of ns}. Returns {key: median us}."""
    medians, spent = {key: [] for key in turns}, {key: 0.0 for key in turns}
    order = list(turns)
    for number in range(rounds):
        rng.shuffle(order)
        for key in order:
            # What takes seconds has fewer rounds.
            if number > 0 and spent[key] * (number + 1) / number > BUDGET:
                continue
            count = max(1, min(1000, int(SLICE / max(seconds[key], 1e-6))))
            start = time.monotonic()
            times = turns[key](count)
            spent[key] += time.monotonic() - start
            if times:
                medians[key].append(statistics.median(times) * 1e-3)
    return {key: statistics.median(values) for key, values in medians.items() if values}


def measure_layer(layer, runner, workers, folder, algorithm, rounds, rng):
    prefix = os.path.join(folder, "layer")
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))
    reply = runner.ask("tensors %s %s" % (layer["name"], prefix))
    if reply != "ok":
        raise RuntimeError("tconv_runner: %s: %s" % (layer["name"], reply))
    write_models(layer, prefix)
    sample = numpy.fromfile(prefix + ".sample", dtype=[("image", "i8"), ("channel", "i8"), ("pixel", "i8"), ("value", "f8"),
                                                       ("tolerance", "f8")])
    own = prepare_ours(runner, layer, algorithm)
    patience = max([RUN_PATIENCE] + [TIMES_OURS * s for s in own.values()])
    loaded = load_workers(workers, layer, prefix, sample, patience)
    turns, seconds, result = {}, {}, {"name": layer["name"], "ours": {}, "peers": loaded}

    def ours(slot):
        return lambda count: [int(v) for v in runner.ask("time %s %d" % (slot, count)).split()[1:]]

    def theirs(worker):
        def turn(count):
            # A run that precedes those that are timed, and some room, since the machine may have other work.
            reply = worker.ask(3 * patience + 2 * BUDGET, do="time", count=count, warm=seconds[("peer", worker.name)] < 0.5)
            if "ns" not in reply:
                loaded[worker.name].setdefault("cannot", reply.get("cannot") or reply["error"])
            return reply.get("ns", [])
        return turn
    for layout in own:
        turns[("ours", layout)], seconds[("ours", layout)] = ours(layout), own[layout]
    for worker in workers:
        if "seconds" in loaded[worker.name]:
            turns[("peer", worker.name)] = theirs(worker)
            seconds[("peer", worker.name)] = loaded[worker.name]["seconds"]
    for (who, name), us in alternate(turns, seconds, rounds, rng).items():
        if who == "ours":
            result["ours"][name] = us
        else:
            loaded[name]["raw_us"] = us
    for worker in workers:
        row = loaded[worker.name]
        row.pop("seconds", None)
        if "raw_us" in row and "cannot" not in row:
            # The price of the call from Python is no property of the peer: it is taken off, at most half of what was measured.
            row["us"] = row["raw_us"] - min(worker.overhead_us, row["raw_us"] / 2)
    runner.ask("free")
    return result


def measure_overhead(workers, folder):
    prefix = os.path.join(folder, "empty")
    numpy.ones(1, dtype=numpy.float32).tofile(prefix + ".input")
    numpy.ones(1, dtype=numpy.float32).tofile(prefix + ".weights")
    numpy.zeros(1, dtype=numpy.float32).tofile(prefix + ".bias")
    write_models(EMPTY, prefix)
    for worker in workers:
        if "seconds" not in worker.load(EMPTY, prefix, LOAD_PATIENCE):
            continue
        best = [statistics.median(worker.ask(do="time", count=300, warm=True).get("ns", [0])) for _ in range(5)]
        worker.overhead_us = min(best) * 1e-3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="folder of tconv_bench, tconv_runner and libtconv_isa_limit.so")
    parser.add_argument("--out", required=True)
    parser.add_argument("--layers")
    parser.add_argument("--tier", default="0")
    parser.add_argument("--filter", default="", help="regular expression on layer names")
    parser.add_argument("--target", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--winograd", default="standard")
    parser.add_argument("--algorithm", default="auto", help="of our operator")
    parser.add_argument("--peers", default=",".join(NAMES))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    suite = ["--tier", arguments.tier, "--layer-filter", arguments.filter]
    suite += ["--layers", os.path.abspath(arguments.layers)] if arguments.layers else []
    bench = os.path.join(arguments.build, "tconv_bench")
    layers = json.loads(subprocess.run([bench, "--list-layers"] + suite, check=True, stdout=subprocess.PIPE, text=True).stdout)
    environment = dict(os.environ, OMP_NUM_THREADS=str(arguments.threads))
    preload = os.path.join(os.path.abspath(arguments.build), "libtconv_isa_limit.so")
    if arguments.target in VECTOR_BITS and os.path.exists(preload):
        environment.update(LD_PRELOAD=preload, TCONV_BENCH_ISA=arguments.target)
    runner = Pipe([os.path.abspath(os.path.join(arguments.build, "tconv_runner")), "--target", arguments.target, "--threads",
                   str(arguments.threads), "--winograd", arguments.winograd] + suite)
    rng = random.Random(1)
    start = time.time()
    with tempfile.TemporaryDirectory(prefix="tconv-wheels-") as folder, tempfile.TemporaryDirectory(prefix="tconv-worker-") as where:
        workers = [Worker(name, arguments.threads, environment, where) for name in arguments.peers.split(",") if name]
        document = {"threads": arguments.threads, "target": arguments.target, "peers": {}, "layers": []}
        present = [worker for worker in workers if worker.absent is None]
        measure_overhead(present, folder)
        for worker in workers:
            document["peers"][worker.name] = ({"absent": worker.absent} if worker.absent else
                                              {"version": worker.version, "overhead_us": round(worker.overhead_us, 2),
                                               "limit": limit_of(worker, arguments.target)})
        for number, layer in enumerate(layers):
            print("\r%3d/%d  %-28s %4.0f s " % (number + 1, len(layers), layer["name"], time.time() - start), end="", file=sys.stderr)
            document["layers"].append(measure_layer(layer, runner, present, folder, arguments.algorithm, arguments.rounds, rng))
        for worker in present:
            if worker.pipe is not None:
                worker.pipe.close()
    print(file=sys.stderr)
    temporary = arguments.out + ".part%d" % os.getpid()
    with open(temporary, "w") as file:
        json.dump(document, file, indent=1)
    os.replace(temporary, arguments.out)


if __name__ == "__main__":
    try:
        main()
    except (OSError, RuntimeError, Gone, subprocess.CalledProcessError) as error:
        sys.exit("wheels.py: %s" % error)
