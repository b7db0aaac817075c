"""One-node models of a layer, in the formats of the wheel peers. `layer` is one entry of `tconv_bench --list-layers`."""
import struct

import numpy


def dense_shapes(layer):
    """(input, weights, output) shapes in NCHW order; weights as ONNX has them."""
    batch, cin, cout, groups = (layer[k] for k in ("batch", "in_channels", "out_channels", "groups"))
    return ([batch, cin] + layer["input"], [cin, cout // groups] + layer["kernel"], [batch, cout] + layer["output"])


def write_onnx(layer, weights, bias, path):
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    shape_in, _, shape_out = dense_shapes(layer)
    tensors = [numpy_helper.from_array(weights, "w")]
    inputs = ["x", "w"]
    if layer["bias"]:
        tensors.append(numpy_helper.from_array(bias, "b"))
        inputs.append("b")
    node = helper.make_node("ConvTranspose", inputs, ["y"], group=layer["groups"], kernel_shape=layer["kernel"],
                            strides=layer["stride"], dilations=layer["dilation"], output_padding=layer["output_padding"],
                            pads=layer["pad_begin"] + layer["pad_end"])
    graph = helper.make_graph([node], layer["name"], [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape_in)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape_out)], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)


def write_ncnn(layer, weights, bias, prefix):
    """PREFIX.param and PREFIX.bin. ncnn keeps weights as [group][out][in][taps] and wants one image at a time."""
    rank, groups = layer["rank"], layer["groups"]
    names = {1: "1D", 2: "", 3: "3D"}[rank]
    kind = ("DeconvolutionDepthWise" if groups > 1 else "Deconvolution") + names
    parameters = {0: layer["out_channels"], 5: int(layer["bias"]), 6: int(weights.size)}
    if groups > 1:
        parameters[7] = groups
    # Per axis from the innermost: ids of kernel, dilation, stride, padding before, padding behind, output padding.
    ids = [(1, 2, 3, 4, 15, 18), (11, 12, 13, 14, 16, 19), (21, 22, 23, 24, 17, 20)]
    keys = ("kernel", "dilation", "stride", "pad_begin", "pad_end", "output_padding")
    for axis in range(rank):
        for key, number in zip(keys, ids[axis]):
            parameters[number] = layer[key][rank - 1 - axis]
    text = " ".join("%d=%d" % item for item in sorted(parameters.items()))
    with open(prefix + ".param", "w") as file:
        file.write("7767517\n2 2\nInput x 0 1 x\n%s y 1 1 x y %s\n" % (kind, text))
    cin, outs = layer["in_channels"] // groups, layer["out_channels"] // groups
    ordered = weights.reshape([groups, cin, outs, -1]).transpose(0, 2, 1, 3)
    with open(prefix + ".bin", "wb") as file:
        file.write(struct.pack("<I", 0))
        file.write(numpy.ascontiguousarray(ordered).tobytes())
        if layer["bias"]:
            file.write(bias.tobytes())


def tflite_padding(layer):
    """TransposeConv knows SAME and VALID only. Returns which of them means this layer's padding, or None."""
    axes = range(layer["rank"])
    if all(layer["pad_begin"][a] == 0 and layer["pad_end"][a] == 0 and layer["output_padding"][a] == 0 for a in axes):
        return "VALID"
    for a in axes:
        # SAME takes the output size as given and puts half of what is too much, rounded down, to the front.
        total = max(0, (layer["input"][a] - 1) * layer["stride"][a] + layer["kernel"][a] - layer["output"][a])
        same_size = -(-layer["output"][a] // layer["stride"][a]) == layer["input"][a]
        if not same_size or layer["pad_begin"][a] != total // 2:
            return None
    return "SAME"


def write_tflite(layer, weights, bias, path):
    """NHWC, weights [out][h][w][in]. Returns why TransposeConv cannot express the layer, or None when the file is written."""
    if layer["rank"] > 2:
        return "2-D only"
    if layer["groups"] > 1:
        return "no groups"
    if any(d > 1 for d in layer["dilation"]):
        return "no dilation"
    padding = tflite_padding(layer)
    if padding is None:
        return "this padding is neither SAME nor VALID"
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def two(values):
        return [1] * (2 - len(values)) + list(values)
    batch, cin, cout = layer["batch"], layer["in_channels"], layer["out_channels"]
    shape_in, shape_out = [batch] + two(layer["input"]) + [cin], [batch] + two(layer["output"]) + [cout]
    kernel = weights.reshape([cin, cout] + two(layer["kernel"])).transpose(1, 2, 3, 0)

    model = schema.ModelT()
    model.version = 3
    model.description = layer["name"]
    model.buffers = [schema.BufferT()]

    def tensor(name, shape, kind, data=None):
        t = schema.TensorT()
        t.name, t.shape, t.type, t.buffer = name, list(shape), kind, 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = numpy.frombuffer(numpy.ascontiguousarray(data).tobytes(), dtype=numpy.uint8)
            model.buffers.append(buffer)
            t.buffer = len(model.buffers) - 1
        return t
    f32, i32 = schema.TensorType.FLOAT32, schema.TensorType.INT32
    graph = schema.SubGraphT()
    graph.tensors = [tensor("output_shape", [4], i32, numpy.array(shape_out, dtype=numpy.int32)),
                     tensor("weights", kernel.shape, f32, kernel), tensor("x", shape_in, f32), tensor("y", shape_out, f32)]
    inputs = [0, 1, 2]
    if layer["bias"]:
        graph.tensors.append(tensor("bias", [cout], f32, bias))
        inputs.append(4)
    graph.inputs, graph.outputs = [2], [3]
    options = schema.TransposeConvOptionsT()
    options.padding = schema.Padding.SAME if padding == "SAME" else schema.Padding.VALID
    options.strideH, options.strideW = two(layer["stride"])
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, inputs, [3]
    operator.builtinOptionsType = schema.BuiltinOptions.TransposeConvOptions
    operator.builtinOptions = options
    graph.operators = [operator]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.TRANSPOSE_CONV
    code.version = 3
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    with open(path, "wb") as file:
        file.write(builder.Output())
    return None
