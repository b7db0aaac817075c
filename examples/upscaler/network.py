"""FSRCNN: Dong, Loy, Tang, "Accelerating the super-resolution convolutional neural network", 2016 (arXiv 1608.00367).

    conv 5x5  1 -> d     features
    conv 1x1  d -> s     shrink
    conv 3x3  s -> s     m times: the mapping, on few channels
    conv 1x1  s -> d     expand
    transposed conv 9x9, stride = scale, d -> 1

with a PReLU after each convolution. All but the last layer work at the low resolution: that is what makes it fast.
"""
import math

import numpy
import torch
from torch import nn

import onnx_file

KERNEL = 9


def keys_cubic(x):
    """Keys' cubic convolution, a = -1/2."""
    x = numpy.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return numpy.where(x < 1, near, numpy.where(x < 2, far, 0.0))


def padding(scale):
    """Padding and output padding such that the output is scale times the input: 9 - 2 p + op = scale, op < scale."""
    pad = (KERNEL - scale + 1) // 2
    return pad, scale - KERNEL + 2 * pad


def bicubic_taps(scale):
    """Output o lies at (o + 1/2) / scale - 1/2 on the input's axis and o + pad = scale i + t. Each phase's taps sum to 1."""
    t = numpy.arange(KERNEL)
    taps = keys_cubic((t - padding(scale)[0] + 0.5) / scale - 0.5)
    for phase in range(scale):
        taps[phase::scale] /= taps[phase::scale].sum()
    return taps


class Network(nn.Module):
    def __init__(self, d, s, m, scale):
        super().__init__()
        self.shape = (d, s, m)
        self.scale = scale
        sizes = [(1, d, 5), (d, s, 1)] + [(s, s, 3)] * m + [(s, d, 1)]
        self.convolutions = nn.ModuleList(nn.Conv2d(i, o, k, padding=k // 2) for i, o, k in sizes)
        self.slopes = nn.ModuleList(nn.PReLU(o, 0.25) for _, o, _ in sizes)
        pad, output_pad = padding(scale)
        self.upsample = nn.ConvTranspose2d(d, 1, KERNEL, scale, pad, output_pad)

    def start_as_bicubic(self):
        """Channel 0 hands the input through to the last layer, whose slice for it holds the bicubic kernel; the other channels
        start at random (He et al., arXiv 1502.01852, for a slope of 1/4) and contribute almost nothing at first."""
        with torch.no_grad():
            for layer in self.convolutions:
                fan_in = layer.in_channels * layer.kernel_size[0] ** 2
                layer.weight.normal_(0, math.sqrt(2 / ((1 + 0.25**2) * fan_in)))
                layer.bias.zero_()
                layer.weight[0].zero_()
                layer.weight[0, 0, layer.kernel_size[0] // 2, layer.kernel_size[1] // 2] = 1
            taps = bicubic_taps(self.scale)
            self.upsample.weight.normal_(0, 0.0003)
            self.upsample.weight[0, 0] = torch.from_numpy(numpy.outer(taps, taps))
            self.upsample.bias.zero_()

    def forward(self, x):
        for convolution, slope in zip(self.convolutions, self.slopes):
            x = slope(convolution(x))
        return self.upsample(x)

    def names(self):
        m = self.shape[2]
        return ["features", "shrink"] + [f"map{k + 1}" for k in range(m)] + ["expand"]

    def tensors(self):
        """name -> float32 array, in the order of the ONNX file."""
        arrays = {}
        for name, convolution, slope in zip(self.names(), self.convolutions, self.slopes):
            arrays[name + ".weight"] = convolution.weight.detach().numpy()
            arrays[name + ".bias"] = convolution.bias.detach().numpy()
            arrays[name + ".slope"] = slope.weight.detach().numpy().reshape(-1, 1, 1)
        arrays["upsample.weight"] = self.upsample.weight.detach().numpy()
        arrays["upsample.bias"] = self.upsample.bias.detach().numpy()
        return arrays

    def load_tensors(self, arrays):
        with torch.no_grad():
            for name, array in self.tensors().items():
                array[...] = arrays[name]  # tensors() shares memory with the parameters

    def onnx(self, description, properties):
        d, s, m = self.shape
        nodes, value = [], "luma"
        for name, convolution in zip(self.names(), self.convolutions):
            k = convolution.kernel_size[0]
            nodes.append(onnx_file.node("Conv", [value, name + ".weight", name + ".bias"], name,
                                        {"kernel_shape": [k, k], "pads": [k // 2] * 4}))
            value = name + ".prelu"
            nodes.append(onnx_file.node("PRelu", [name, name + ".slope"], value))
        pad, output_pad = padding(self.scale)
        nodes.append(onnx_file.node("ConvTranspose", [value, "upsample.weight", "upsample.bias"], "upscaled",
                                    {"kernel_shape": [KERNEL] * 2, "strides": [self.scale] * 2, "pads": [pad] * 4,
                                     "output_padding": [output_pad] * 2}))
        tensors = [onnx_file.tensor(name, array) for name, array in self.tensors().items()]
        inputs = [onnx_file.value_info("luma", ["pictures", 1, "height", "width"])]
        outputs = [onnx_file.value_info("upscaled", ["pictures", 1, f"height_x{self.scale}", f"width_x{self.scale}"])]
        return onnx_file.model(f"fsrcnn_x{self.scale}_{d}_{s}_{m}", nodes, tensors, inputs, outputs, description, properties)
