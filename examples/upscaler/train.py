"""Trains the upscaler's networks from nothing but a seed, writes them as ONNX files and says how good they are.

Everything is drawn from seeded generators and computed by one thread, so that a run repeats bit for bit on the same kind of CPU
with the same version of PyTorch.

  loss       Charbonnier, sqrt(e^2 + 1e-6), mean; 6 low-resolution pixels at the border of a patch are left out
  optimizer  Adam, learning rate 1.5e-3 (half that for the transposed convolution), 100 steps of warm-up, then a cosine down to
             1e-5; gradient norm clipped at 0.5
  batch      16 patches of 32 x 32 low-resolution pixels, flipped and turned at random, one in four inverted
  start      bicubic interpolation (network.py)
"""
import argparse
import math
import os
import sys
import time

import numpy
import torch

import onnx_file
import pictures
import quality
from network import Network

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPES = {"": (56, 12, 4), "_small": (32, 5, 1)}  # suffix of the file's name: d, s, m
TRAINING_SEED, HELD_BACK_SEED, WEIGHT_SEED = 20160801, 20160802, 1608
TRAINING_PICTURES, HELD_BACK_PICTURES = 272, 32
PATCH, BATCH, BORDER = 32, 16, 6
RATE, FINAL_RATE, WARM_UP, CLIP = 1.5e-3, 1e-5, 100, 0.5
AREA_SHARE = 0.25  # of the pictures that are shrunk by area; the others by bicubic filtering


def render_pairs(count, scale):
    """(low, high) as uint8 arrays."""
    pairs = []
    for index in range(count):
        high = pictures.render(TRAINING_SEED, index)
        # Not index % 4: that would go with the kind of the picture.
        area = (index * 0.618034) % 1 < AREA_SHARE
        pairs.append((numpy.asarray(pictures.shrink(high, scale, area)), numpy.asarray(high)))
    return pairs


def draw_batch(rng, pairs, scale):
    low = numpy.empty((BATCH, 1, PATCH, PATCH), numpy.float32)
    high = numpy.empty((BATCH, 1, PATCH * scale, PATCH * scale), numpy.float32)
    for k in range(BATCH):
        small, large = pairs[rng.integers(len(pairs))]
        y, x = rng.integers(small.shape[0] - PATCH + 1), rng.integers(small.shape[1] - PATCH + 1)
        a = small[y : y + PATCH, x : x + PATCH]
        b = large[scale * y : scale * (y + PATCH), scale * x : scale * (x + PATCH)]
        turn = rng.integers(8)
        for bit, change in enumerate((numpy.flipud, numpy.fliplr, numpy.transpose)):
            if turn >> bit & 1:
                a, b = change(a), change(b)
        if rng.random() < 0.25:
            a, b = 255 - a, 255 - b
        low[k, 0], high[k, 0] = a, b
    return torch.from_numpy(low / 255), torch.from_numpy(high / 255)


def rate_at(step, steps):
    if step < WARM_UP:
        return RATE * (step + 1) / WARM_UP
    return FINAL_RATE + (RATE - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * (step - WARM_UP) / max(1, steps - WARM_UP)))


def train(network, pairs, steps):
    rng = numpy.random.Generator(numpy.random.PCG64([WEIGHT_SEED, network.scale]))
    slow = list(network.upsample.parameters())
    fast = [p for n, p in network.named_parameters() if not n.startswith("upsample")]
    optimizer = torch.optim.Adam([{"params": slow, "share": 0.5}, {"params": fast, "share": 1.0}], lr=RATE)
    start, mean_loss = time.monotonic(), 0.0
    cut = BORDER * network.scale
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = group["share"] * rate_at(step, steps)
        low, high = draw_batch(rng, pairs, network.scale)
        error = (network(low) - high)[:, :, cut:-cut, cut:-cut]
        loss = torch.sqrt(error * error + 1e-6).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(slow + fast, CLIP)
        optimizer.step()
        mean_loss += (loss.item() - mean_loss) / min(step + 1, 200)
        if (step + 1) % max(1, steps // 16) == 0:
            seconds = time.monotonic() - start
            print(f"  step {step + 1:5} of {steps}, loss {mean_loss:.5f}, {seconds:.0f} s, "
                  f"{seconds / (step + 1) * (steps - step - 1):.0f} s to go", flush=True)
    return time.monotonic() - start


def save(path, network, steps, held_back):
    d, s, m = network.shape
    description = (f"FSRCNN ({d}, {s}, {m}), scale {network.scale}: enlarges luma in [0, 1]. Trained by examples/upscaler/train.py of "
                   "tconv on pictures rendered by it; licence: that of tconv.")
    properties = {"scale": str(network.scale), "steps": str(steps), "training_seed": str(TRAINING_SEED), "weight_seed": str(WEIGHT_SEED),
                  "held_back_gain_over_bicubic_db": f"{held_back:.3f}"}
    with open(path + ".part", "wb") as file:
        file.write(network.onnx(description, properties))
    os.replace(path + ".part", path)


def train_one(shape, suffix, scale, steps, pairs, held_back, folder):
    """Trains, writes and judges a network; whether it is better afterwards than at its start."""
    torch.manual_seed(WEIGHT_SEED)
    network = Network(*shape, scale)
    network.start_as_bicubic()
    name = f"fsrcnn_x{scale}{suffix}.onnx"
    print(f"{name}: d = {shape[0]}, s = {shape[1]}, m = {shape[2]}, {sum(p.numel() for p in network.parameters())} parameters", flush=True)
    before = quality.judge(network, held_back)
    seconds = train(network, pairs, steps)
    after = quality.judge(network, held_back)
    gain, gain_before = quality.gain(after), quality.gain(before)
    path = os.path.join(folder, name)
    save(path, network, steps, gain)
    quality.print_table("held-back rendered pictures, shrunk by bicubic", after)
    quality.print_table("the same, shrunk by area", quality.judge(network, held_back, area=True))
    print(f"  before training {gain_before:+.2f} dB over bicubic; {steps} steps in {seconds:.0f} s")
    shipped_path = os.path.join(HERE, name)
    if os.path.exists(shipped_path):
        shipped = Network(*shape, scale)
        shipped.load_tensors(onnx_file.read_tensors(shipped_path))
        shipped_gain = quality.gain(quality.judge(shipped, held_back))
        with open(shipped_path, "rb") as a, open(path, "rb") as b:
            same = a.read() == b.read()
        print(f"  the shipped {name} gains {shipped_gain:+.2f} dB: a difference of {gain - shipped_gain:+.3f} dB" +
              (" (the files are identical)" if same else ""))
    print(f"  {path}, {os.path.getsize(path)} bytes", flush=True)
    return gain > gain_before


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="out/upscaler", help="folder for the ONNX files (default: %(default)s)")
    parser.add_argument("--scale", type=int, nargs="+", default=[2], choices=(2, 3, 4), help="default: 2")
    parser.add_argument("--network", choices=("large", "small", "both"), default="both", help="56-12-4, 32-5-1 or both (the default)")
    parser.add_argument("--steps", type=int, default=8000, help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="60 steps on 24 pictures, to see that all works; "
                        "exit code 1 when the network is not better afterwards than at its start")
    arguments = parser.parse_args()
    if arguments.steps < 1:
        parser.error(f"--steps {arguments.steps}: must be at least 1")
    steps = 60 if arguments.quick else arguments.steps
    training, held = (24, 8) if arguments.quick else (TRAINING_PICTURES, HELD_BACK_PICTURES)

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    os.makedirs(arguments.out, exist_ok=True)
    held_back = [pictures.render(HELD_BACK_SEED, index) for index in range(held)]
    improved = True
    for scale in arguments.scale:
        start = time.monotonic()
        pairs = render_pairs(training, scale)
        print(f"{training} pictures rendered for scale {scale} in {time.monotonic() - start:.0f} s", flush=True)
        for suffix, shape in SHAPES.items():
            if arguments.network in ("both", "small" if suffix else "large"):
                improved = train_one(shape, suffix, scale, steps, pairs, held_back, arguments.out) and improved
    return 0 if improved or not arguments.quick else 1


if __name__ == "__main__":
    sys.exit(main())
