#!/usr/bin/env python3
"""Pastes what `tconv arith --json` spells into the frameworks installed here and compares their outputs with the definition.

spellings_test.py TCONV. Needs numpy and at least one of torch, onnxruntime with onnx, tensorflow; exits with 77 (skipped) otherwise.
"""
import importlib
import itertools
import json
import os
import random
import subprocess
import sys

SEED = 7
LAYERS = 120
FIELDS = ["input", "kernel", "stride", "dilation", "pad_begin", "pad_end", "output_padding"]


def random_layer(tconv, rng):
    """A layer that exists, with its arithmetic; None when the numbers drawn are no layer."""
    groups = rng.choice([1, 1, 1, 2])
    channels = groups * rng.randint(1, 2), groups * rng.randint(1, 2)
    axes = []
    for _ in range(rng.choice([1, 2, 2, 2, 3])):
        kernel, stride, dilation = rng.randint(1, 5), rng.randint(1, 4), rng.choice([1, 1, 1, 2, 3])
        begin = rng.randint(0, min(3, dilation * (kernel - 1) + 1))
        end = rng.choice([begin, begin, rng.randint(0, 3)])
        axes.append((rng.randint(1, 5), kernel, stride, dilation, begin, end, rng.choice([0, 0, rng.randint(0, max(stride, dilation) - 1)])))
    numbers = [",".join(str(axis[n]) for axis in axes) for n in range(len(FIELDS))]
    command = [tconv, "arith", "--json", "--batch", "2", "--in-channels", str(channels[0]), "--out-channels", str(channels[1]),
               "--groups", str(groups), "-i", numbers[0], "-k", numbers[1], "-s", numbers[2], "-d", numbers[3],
               "--pads", numbers[4] + "," + numbers[5], "-a", numbers[6]]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 3:
        return None
    arithmetic = json.loads(done.stdout)
    return {"axes": axes, "channels": channels, "groups": groups, "output": arithmetic["output_size"], "say": arithmetic["spellings"]}


def make_data(np, layer):
    rng = np.random.default_rng(SEED)
    inputs = [axis[0] for axis in layer["axes"]]
    kernel = [axis[1] for axis in layer["axes"]]
    (cin, cout), groups = layer["channels"], layer["groups"]
    x = rng.standard_normal((2, cin, *inputs)).astype(np.float32)
    w = rng.standard_normal((cin, cout // groups, *kernel)).astype(np.float32)
    return x, w, rng.standard_normal(cout).astype(np.float32)


def scatter(np, layer, x, w, b):
    """The definition: every input adds x * w into the output; in double precision."""
    axes, groups = layer["axes"], layer["groups"]
    cin, cout = layer["channels"][0] // groups, layer["channels"][1] // groups
    y = np.zeros((2, layer["channels"][1], *layer["output"])) + b.reshape(1, -1, *[1] * len(axes))
    for m in itertools.product(*[range(axis[0]) for axis in axes]):
        for t in itertools.product(*[range(axis[1]) for axis in axes]):
            o = [axis[2] * m[n] + axis[3] * t[n] - axis[4] for n, axis in enumerate(axes)]
            if any(not 0 <= cell < layer["output"][n] for n, cell in enumerate(o)):
                continue
            for g in range(groups):
                taps = w[(slice(g * cin, (g + 1) * cin), slice(None), *t)].astype(np.float64)
                y[(slice(None), slice(g * cout, (g + 1) * cout), *o)] += x[(slice(None), slice(g * cin, (g + 1) * cin), *m)] @ taps
    return y


def run_pytorch(np, modules, code, x, w, b):
    torch = modules["torch"]
    make, use = code.split("\ny = ")
    names = {"torch": torch, "x": torch.tensor(x)}
    exec(make, names)
    with torch.no_grad():
        names["layer"].weight.copy_(torch.tensor(w))
        names["layer"].bias.copy_(torch.tensor(b))
        return eval(use, names).numpy()


def run_onnx(np, modules, code, x, w, b):
    onnx, runtime = modules["onnx"], modules["onnxruntime"]
    helper = onnx.helper
    tensors = [onnx.numpy_helper.from_array(w, "w"), onnx.numpy_helper.from_array(b, "b")]
    graph = helper.make_graph([eval(code, {"onnx": onnx})], "layer", [helper.make_tensor_value_info("x", 1, x.shape)],
                              [helper.make_tensor_value_info("y", 1, None)], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    runtime.set_default_logger_severity(4)
    return runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def run_tensorflow(np, modules, code, x, w, b):
    tf = modules["tensorflow"]
    names = {"tf": tf, "x": tf.constant(np.moveaxis(x, 1, -1)), "w": tf.constant(np.moveaxis(w, [0, 1], [-1, -2]))}
    exec(code, names)
    return np.moveaxis(names["y"].numpy(), -1, 1) + b.reshape(1, -1, *[1] * (x.ndim - 2))


FRAMEWORKS = {"pytorch": (["torch"], run_pytorch), "onnx": (["onnx", "onnxruntime"], run_onnx),
              "tensorflow": (["tensorflow"], run_tensorflow)}


def load(names):
    try:
        return {name: importlib.import_module(name) for name in names}
    except ImportError:
        return None


def main(tconv):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    loaded = {name: load(["numpy"] + modules) for name, (modules, _) in FRAMEWORKS.items()}
    loaded = {name: modules for name, modules in loaded.items() if modules}
    if not loaded:
        print("skipped: none of torch, onnxruntime with onnx, tensorflow is installed for this Python")
        return 77
    np = next(iter(loaded.values()))["numpy"]
    rng = random.Random(SEED)
    layers = [layer for layer in (random_layer(tconv, rng) for _ in range(2 * LAYERS)) if layer][:LAYERS]
    failures = 0
    for name, modules in loaded.items():
        agree = unsaid = 0
        for layer in layers:
            said = layer["say"][name]
            if not said["code"] or "refuses" in said["note"]:
                unsaid += 1
                continue
            x, w, b = make_data(np, layer)
            expected = scatter(np, layer, x, w, b)
            # The longest sum has cin * taps products of magnitude at most about 16 each (4 sigma); float32 rounds each by 2^-24.
            products = w.size // w.shape[1]
            tolerance = (products + 2) * 16 * products * 2.0**-24
            y = FRAMEWORKS[name][1](np, modules, said["code"], x, w, b)
            if y.shape == expected.shape and np.abs(y - expected).max() <= tolerance:
                agree += 1
            else:
                failures += 1
                print(f"{name}: seed {SEED}, axes {FIELDS} = {layer['axes']}, groups {layer['groups']}: differs\n{said['code']}")
        print(f"{name}: {agree} of {len(layers)} layers agree, {unsaid} it cannot say")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
