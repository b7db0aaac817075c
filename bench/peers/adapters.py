"""How each wheel peer loads a one-node model and runs it. An adapter has:
    version()                what was imported
    load(layer, prefix, x)   from PREFIX.onnx, .tflite, .param and .bin; raises Cannot
    run()                    the timed call
    output()                 the last result as a dense NCHW array
"""
import os
import subprocess
import sys

import numpy


class Cannot(Exception):
    """The peer has no way to do this layer: a fact for the table, not a failure."""


class OnnxRuntime:
    def __init__(self, threads):
        import onnxruntime
        self.library, self.threads = onnxruntime, threads

    def version(self):
        return self.library.__version__

    def load(self, layer, prefix, x):
        options = self.library.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        self.session = None
        try:
            self.session = self.library.InferenceSession(prefix + ".onnx", options, providers=["CPUExecutionProvider"])
            self.binding = self.session.io_binding()
            self.binding.bind_cpu_input("x", x)
            self.y = numpy.empty([layer["batch"], layer["out_channels"]] + layer["output"], dtype=numpy.float32)
            self.binding.bind_output("y", "cpu", 0, numpy.float32, list(self.y.shape), self.y.ctypes.data)
            self.session.run_with_iobinding(self.binding)
        except Exception as error:  # the binding's own exception types are not public
            raise Cannot(str(error).splitlines()[0][:120])

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def output(self):
        return self.y


class OpenVino:
    def __init__(self, threads):
        import openvino
        self.library = openvino
        self.core = openvino.Core()
        self.options = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32",
                        "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}

    def version(self):
        return self.library.__version__.split("-")[0]

    def load(self, layer, prefix, x):
        self.request = self.model = None
        try:
            self.model = self.core.compile_model(self.core.read_model(prefix + ".onnx"), "CPU", self.options)
        except RuntimeError as error:
            raise Cannot(str(error).strip().splitlines()[-1][:120])
        self.request = self.model.create_infer_request()
        self.x = self.library.Tensor(x, shared_memory=True)
        self.request.set_input_tensor(self.x)

    def run(self):
        self.request.start_async()
        self.request.wait()

    def output(self):
        return self.request.get_output_tensor().data


class Ncnn:
    def __init__(self, threads):
        import ncnn
        self.library, self.threads = ncnn, threads

    def version(self):
        return self.library.__version__

    def load(self, layer, prefix, x):
        self.results = self.images = None  # they live in the net's allocator: before the net
        self.net = self.library.Net()
        o = self.net.opt
        o.num_threads = self.threads
        o.use_vulkan_compute = o.use_fp16_packed = o.use_fp16_storage = o.use_fp16_arithmetic = o.use_bf16_storage = False
        if self.net.load_param(prefix + ".param") != 0 or self.net.load_model(prefix + ".bin") != 0:
            raise Cannot("has no such layer")
        # One image at a time; views, not copies.
        self.images = [self.library.Mat(image) for image in x]
        self.shape = [layer["batch"], layer["out_channels"]] + layer["output"]
        self.results = [None] * len(self.images)

    def run(self):
        for i, image in enumerate(self.images):
            extractor = self.net.create_extractor()
            extractor.input("x", image)
            status, self.results[i] = extractor.extract("y")
            if status != 0:
                raise Cannot("extract: status %d" % status)

    def output(self):
        return numpy.stack([numpy.array(r) for r in self.results]).reshape(self.shape)


class Mnn:
    """Through its Module interface: a Session may overwrite its own input, so that a second run computes something else."""

    def __init__(self, threads):
        import MNN
        import MNN.expr
        import MNN.nn
        self.library = MNN
        self.runtime = MNN.nn.create_runtime_manager(({"backend": "CPU", "numThread": threads, "precision": "high"},))

    def version(self):
        return self.library.version()

    def load(self, layer, prefix, x):
        self.module = self.y = None
        path = prefix + ".mnn"
        # The converter's own front end reports its use over the network and installs a package for that; the function behind it does
        # not. In a process of its own, since its failures are exits.
        convert = "import MNN, _tools, sys; _tools.mnnconvert(['mnnconvert'] + sys.argv[1:])"
        done = subprocess.run([sys.executable, "-c", convert, "-f", "ONNX", "--modelFile", prefix + ".onnx", "--MNNModel", path,
                               "--bizCode", "tconv"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0 or not os.path.exists(path):
            raise Cannot("its converter refuses the model")
        self.module = self.library.nn.load_module_from_file(path, ["x"], ["y"], runtime_manager=self.runtime)
        os.remove(path)
        self.x = self.library.expr.const(x, list(x.shape), self.library.expr.NCHW)
        self.shape = [layer["batch"], layer["out_channels"]] + layer["output"]
        y = self.module.forward(self.x)
        if numpy.prod(y.shape) != numpy.prod(self.shape):
            raise Cannot("its converter changes the output's shape to %s" % (list(y.shape),))

    def run(self):
        self.y = self.module.forward(self.x)

    def output(self):
        return numpy.array(self.y.read(), dtype=numpy.float32).reshape(self.shape)


class LiteRt:
    def __init__(self, threads):
        from ai_edge_litert import interpreter
        self.library, self.threads = interpreter, threads

    def version(self):
        from importlib import metadata
        return metadata.version("ai-edge-litert")

    def load(self, layer, prefix, x):
        self.interpreter = None
        path = prefix + ".tflite"
        if not os.path.exists(path):
            with open(prefix + ".tflite.cannot") as file:
                raise Cannot(file.read())
        try:
            self.interpreter = self.library.Interpreter(model_path=path, num_threads=self.threads)
            self.interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise Cannot(str(error).splitlines()[0][:120])
        image = x if layer["rank"] == 2 else x[:, :, None, :]
        self.interpreter.set_tensor(self.interpreter.get_input_details()[0]["index"],
                                    numpy.ascontiguousarray(image.transpose(0, 2, 3, 1)))
        self.index = self.interpreter.get_output_details()[0]["index"]
        self.shape = [layer["batch"], layer["out_channels"]] + layer["output"]

    def run(self):
        self.interpreter.invoke()

    def output(self):
        return numpy.ascontiguousarray(self.interpreter.get_tensor(self.index).transpose(0, 3, 1, 2)).reshape(self.shape)


ADAPTERS = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "ncnn": Ncnn, "mnn": Mnn, "litert": LiteRt}
