"""Runs a network by tconv and by onnxruntime in turns, one thread each, on one random 480 x 270 picture, and compares.

    against_onnxruntime.py TCONV MODEL.onnx FOLDER [ROUNDS]

Exit code 1 when the results differ by more than 1e-4.
"""
import os
import re
import statistics
import subprocess
import sys
import time

import numpy
import onnxruntime

REPEATS = 5
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}


def seconds_of(text):
    """The best time in the report of `tconv run --repeat`."""
    number, unit = re.search(r"best ([0-9.]+) (s|ms|us)\)", text).groups()
    return float(number) * UNITS[unit]


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    tconv, model, folder = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) == 5 else 5
    x = numpy.random.default_rng(1).random((1, 1, 270, 480), numpy.float32)
    x_path, y_path = os.path.join(folder, "luma.npy"), os.path.join(folder, "luma_x2.npy")
    numpy.save(x_path, x)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: x}
    ours, theirs, theirs_result = [], [], None
    for _ in range(rounds):
        report = subprocess.run([tconv, "run", model, "-i", x_path, "-o", y_path, "--repeat", str(REPEATS)], check=True,
                                capture_output=True, text=True).stdout
        ours.append(seconds_of(report))
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            (theirs_result,) = session.run(None, feed)
            times.append(time.perf_counter() - start)
        theirs.append(min(times))
    difference = float(numpy.abs(numpy.load(y_path) - theirs_result).max())
    os.remove(x_path)
    os.remove(y_path)
    ratios = [b / a for a, b in zip(ours, theirs)]
    print(f"tconv {min(ours) * 1e3:.1f} ms, onnxruntime {onnxruntime.__version__} {min(theirs) * 1e3:.1f} ms (best of {rounds} rounds of {REPEATS}): "
          f"tconv is {statistics.median(ratios):.2f} times as fast (median; {min(ratios):.2f} to {max(ratios):.2f})")
    print(f"largest difference of a result {difference:.2g} (limit 1e-4)")
    return 0 if difference <= 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
