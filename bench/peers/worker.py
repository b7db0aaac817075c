"""worker.py PEER --threads N: one wheel peer in a process of its own. JSON lines in and out (see wheels.py)."""
import ctypes
import gc
import json
import os
import sys
import time

import numpy

import adapters
import models


def status_kib(key):
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(key + ":"):
                return int(line.split()[1])
    return 0


def visible_vector_bits():
    """What CPUID shows this very process; None when the preloaded library that can tell is not here."""
    try:
        return ctypes.CDLL(None).tconv_bench_visible_vector_bits()
    except AttributeError:
        return None


def load(adapter, layer, prefix):
    """Loads; returns what first_run() needs to know."""
    shape_in, shape_weights, shape_out = models.dense_shapes(layer)
    x = numpy.fromfile(prefix + ".input", dtype=numpy.float32).reshape(shape_in)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak counts from here
    before = status_kib("VmRSS")
    adapter.input = x  # most peers keep a view of it
    adapter.load(layer, prefix, x)
    known = 4 * sum(int(numpy.prod(shape)) for shape in (shape_in, shape_weights, shape_out))
    return prefix + ".output", before, known


def first_run(adapter, output, before, known):
    """Runs once, twice when that is quick, and writes the result. Returns the seconds of a run, and the bytes that the process needed
    since load() at its peak beyond tensors and one set of weights."""
    start = time.perf_counter()
    adapter.run()
    first = time.perf_counter() - start
    seconds = first
    if first < 1:
        start = time.perf_counter()
        adapter.run()
        seconds = min(first, time.perf_counter() - start)
    peak = status_kib("VmHWM")
    numpy.ascontiguousarray(adapter.output(), dtype=numpy.float32).tofile(output)
    return seconds, max(0, 1024 * (peak - before) - known)


def main():
    # Libraries print what they like; answers go to the stdout that the process was started with.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    name, threads = sys.argv[1], int(sys.argv[3])

    def answer(**fields):
        answers.write(json.dumps(fields) + "\n")
        answers.flush()
    try:
        adapter = adapters.ADAPTERS[name](threads)
        answer(version=adapter.version(), vector_bits=visible_vector_bits())
    except Exception as error:  # whatever an import can throw means: absent
        answer(error="%s: %s" % (type(error).__name__, str(error).splitlines()[0] if str(error) else "no message"))
        return
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "load":
                loaded = load(adapter, request["layer"], request["prefix"])
                answer(loaded=True)
            elif request["do"] == "first":
                seconds, extra = first_run(adapter, *loaded)
                answer(seconds=seconds, extra_bytes=extra)
            elif request["do"] == "time":
                run, clock, times = adapter.run, time.perf_counter_ns, []
                if request.get("warm", True):
                    run()  # another process has used the caches
                for _ in range(request["count"]):
                    start = clock()
                    run()
                    times.append(clock() - start)
                answer(ns=times)
            else:
                answer(error="unknown request")
        except adapters.Cannot as reason:
            answer(cannot=str(reason))
        except Exception as error:
            answer(error="%s: %s" % (type(error).__name__, str(error).splitlines()[0][:200] if str(error) else "no message"))


main()
