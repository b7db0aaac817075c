"""How near an enlarged picture comes to the original: PSNR and SSIM of 8-bit grey pictures, over the whole picture."""
import math

import numpy
import torch
from PIL import Image

import pictures

MARGIN = 8  # the border pixels are repeated this far outwards before the network, as `tconv upscale` does


def psnr(a, b):
    error = numpy.mean((numpy.asarray(a, float) - numpy.asarray(b, float)) ** 2)
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def ssim(a, b):
    """Mean structural similarity, 11 x 11 Gaussian window of sigma 1.5 (Wang et al., 2004)."""
    a, b = numpy.asarray(a, float), numpy.asarray(b, float)
    window = numpy.exp(-(numpy.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def local_mean(x):
        for axis in (0, 1):
            count = x.shape[axis] - 10
            x = sum(w * x.take(range(k, k + count), axis) for k, w in enumerate(window))
        return x

    mean_a, mean_b = local_mean(a), local_mean(b)
    var_a, var_b = local_mean(a * a) - mean_a**2, local_mean(b * b) - mean_b**2
    covariance = local_mean(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(numpy.mean((2 * mean_a * mean_b + c1) * (2 * covariance + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))))


def upscale(network, low):
    values = numpy.pad(numpy.asarray(low, numpy.float32) / 255, MARGIN, mode="edge")
    with torch.no_grad():
        high = network(torch.from_numpy(values)[None, None])[0, 0].numpy()
    cut = MARGIN * network.scale
    return numpy.clip(numpy.round(255 * high[cut:-cut, cut:-cut]), 0, 255).astype(numpy.uint8)


METHODS = ("bicubic", "lanczos3", "network")


def judge(network, originals, area=False):
    """One dict per picture: method -> (PSNR, SSIM)."""
    results = []
    for original in originals:
        low = pictures.shrink(original, network.scale, area)
        candidates = {
            "bicubic": low.resize(original.size, Image.BICUBIC),
            "lanczos3": low.resize(original.size, Image.LANCZOS),
            "network": upscale(network, low),
        }
        results.append({name: (psnr(picture, original), ssim(picture, original)) for name, picture in candidates.items()})
    return results


def mean(results, method, measure=0):
    return sum(r[method][measure] for r in results) / len(results)


def gain(results, over="bicubic"):
    """Mean difference of PSNR in dB."""
    return mean(results, "network") - mean(results, over)


def print_table(title, results):
    print(f"{title}: mean of {len(results)} pictures, PSNR in dB and SSIM")
    for method in METHODS:
        print(f"  {method:9} {mean(results, method):6.2f}  {mean(results, method, 1):.4f}")
    print(f"  network over bicubic {gain(results):+.2f} dB, over lanczos3 {gain(results, 'lanczos3'):+.2f} dB", flush=True)
