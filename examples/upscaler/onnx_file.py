"""Writes and reads the few parts of the ONNX format that these networks need: a chain of nodes with float tensors.

The format is Protocol Buffers: a message is a row of fields, each a key (field number * 8 + wire type) and a value. Wire type 0 is
a base-128 varint, 2 is a length and that many bytes, 5 is four bytes. Field numbers are those of onnx.proto (IR version 7).
"""
import numpy

FLOAT = 1  # TensorProto.DataType
ATTRIBUTE_INT, ATTRIBUTE_INTS = 2, 7  # AttributeProto.AttributeType


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """An int as a varint; bytes, text and messages with their length."""
    if isinstance(value, int):
        return varint(number * 8) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number * 8 + 2) + varint(len(data)) + data


def attribute(name, value):
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, ATTRIBUTE_INT)
    return field(1, name) + b"".join(field(8, v) for v in value) + field(20, ATTRIBUTE_INTS)


def node(op, inputs, output, attributes=()):
    message = b"".join(field(1, name) for name in inputs) + field(2, output) + field(3, output) + field(4, op)
    return message + b"".join(field(5, attribute(name, value)) for name, value in dict(attributes).items())


def tensor(name, values):
    values = numpy.ascontiguousarray(values, "<f4")
    return b"".join(field(1, n) for n in values.shape) + field(2, FLOAT) + field(8, name) + field(9, values.tobytes())


def value_info(name, dimensions):
    """Dimensions: an int is fixed, a text names a dynamic one."""
    shape = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in dimensions)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, shape)))


def model(graph_name, nodes, tensors, inputs, outputs, description, properties):
    graph = b"".join(field(1, n) for n in nodes) + field(2, graph_name) + b"".join(field(5, t) for t in tensors)
    graph += b"".join(field(11, v) for v in inputs) + b"".join(field(12, v) for v in outputs)
    opset = field(1, "") + field(2, 13)
    message = field(1, 7) + field(2, "tconv examples/upscaler/train.py") + field(6, description) + field(7, graph) + field(8, opset)
    return message + b"".join(field(14, field(1, k) + field(2, v)) for k, v in properties.items())


def fields(message):
    """The fields of a message: (number, value) in order; four-byte values stay bytes."""
    at = 0

    def read_varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        number, kind = divmod(read_varint(), 8)
        if kind == 0:
            yield number, read_varint()
            continue
        size = {2: read_varint, 5: lambda: 4}[kind]()
        yield number, message[at : at + size]
        at += size


def read_tensors(path):
    """The initializers of a file written by model(), in order: name -> array."""
    with open(path, "rb") as file:
        (graph,) = (value for number, value in fields(file.read()) if number == 7)
    tensors = {}
    for number, value in fields(graph):
        if number == 5:
            parts = list(fields(value))
            shape = [v for n, v in parts if n == 1]
            (name,) = (v.decode() for n, v in parts if n == 8)
            (data,) = (v for n, v in parts if n == 9)
            if len(data) != 4 * int(numpy.prod(shape)):
                raise ValueError(f"{path}: tensor {name}: {len(data)} bytes for shape {shape}")
            tensors[name] = numpy.frombuffer(data, "<f4").reshape(shape)
    return tensors


def read_properties(path):
    """The properties of a file written by model(); numbers become int or float."""
    properties = {}
    with open(path, "rb") as file:
        for number, value in fields(file.read()):
            if number == 14:
                key, text = (v.decode() for _, v in fields(value))
                properties[key] = float(text) if "." in text else int(text)
    return properties
