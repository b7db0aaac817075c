"""Judges a trained network on pictures from files: shrinks their luma, enlarges it again, compares with the original.

    evaluate.py MODEL.onnx PICTURE...
"""
import sys

import torch
from PIL import Image

import onnx_file
import quality
from network import Network


def load(path):
    tensors = onnx_file.read_tensors(path)
    d, s = tensors["features.weight"].shape[0], tensors["shrink.weight"].shape[0]
    m = sum(name.startswith("map") and name.endswith(".weight") for name in tensors)
    network = Network(d, s, m, onnx_file.read_properties(path)["scale"])
    network.load_tensors(tensors)
    return network


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    network = load(sys.argv[1])
    pictures = []
    for path in sys.argv[2:]:
        picture = Image.open(path).convert("L")
        picture = picture.crop((0, 0, picture.width // network.scale * network.scale, picture.height // network.scale * network.scale))
        pictures.append(picture)
        results = quality.judge(network, [picture])
        figures = ", ".join(f"{method} {quality.mean(results, method):.2f}" for method in quality.METHODS)
        print(f"{path}: {picture.width} x {picture.height}, {figures} dB, network over bicubic {quality.gain(results):+.2f} dB")
    quality.print_table("shrunk by bicubic", quality.judge(network, pictures))
    quality.print_table("shrunk by area", quality.judge(network, pictures, area=True))


if __name__ == "__main__":
    main()
