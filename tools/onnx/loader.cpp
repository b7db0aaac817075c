#include "tools/onnx/loader.hpp"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <limits>
#include <optional>
#include <set>

#include "tools/io/file.hpp"
#include "tools/support/error.hpp"
#include "tools/support/text.hpp"

namespace tools::onnx {
namespace {

// A reason why something cannot be used; callers add which file and which tensor. What is merely unsupported matters only when
// a node uses it; what is broken condemns the file.
struct Refusal {
  std::string reason;
  bool broken = true;
};

// Protocol buffers cannot be larger than this.
constexpr size_t max_message = std::numeric_limits<int32_t>::max();

void parse(const std::string& path, const std::vector<uint8_t>& bytes, google::protobuf::MessageLite* message, const char* what) {
  const google::protobuf::LogSilencer quiet;  // the reason goes into our own message
  if (bytes.empty()) throw Error(ExitCode::bad_input, fmt::format("{}: is empty", path));
  if (!message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw Error(ExitCode::bad_input, fmt::format("{}: not {}, or truncated", path, what));
  }
}

const char* type_name(int type) {
  static const auto* const names = ::onnx::TensorProto_DataType_descriptor();
  const auto* value = names->FindValueByNumber(type);
  return value != nullptr ? value->name().c_str() : "unknown";
}

ElementType element_type(int type) {
  switch (type) {
    case ::onnx::TensorProto::FLOAT:
      return ElementType::f32;
    case ::onnx::TensorProto::FLOAT16:
      return ElementType::f16;
    case ::onnx::TensorProto::BFLOAT16:
      return ElementType::bf16;
    case ::onnx::TensorProto::DOUBLE:
      return ElementType::f64;
    default:
      throw Refusal{fmt::format("data_type = {} ({}): must be FLOAT, FLOAT16, BFLOAT16 or DOUBLE", type_name(type), type), false};
  }
}

void require_count(const char* field, int64_t present, int64_t wanted, const std::vector<int64_t>& shape) {
  if (present == wanted) return;
  throw Refusal{fmt::format("dims = {} need {} elements, {} holds {}", format_shape(shape), wanted, field, present)};
}

Tensor convert_tensor(const ::onnx::TensorProto& proto) {
  Tensor tensor;
  tensor.shape.assign(proto.dims().begin(), proto.dims().end());
  tensor.stored = element_type(proto.data_type());
  if (proto.data_location() == ::onnx::TensorProto::EXTERNAL) throw Refusal{"external data is not supported", false};
  if (proto.has_segment()) throw Refusal{"segments are not supported", false};
  const std::optional<int64_t> count = element_count(tensor.shape);
  if (!count) throw Refusal{fmt::format("dims = {}: negative, or the size does not fit in 63 bits", format_shape(tensor.shape))};

  if (proto.has_raw_data()) {
    const std::string& raw = proto.raw_data();
    const auto size = static_cast<int64_t>(element_bytes(tensor.stored));
    if (static_cast<int64_t>(raw.size()) != *count * size) {
      throw Refusal{fmt::format("dims = {} of {} need {} bytes, raw_data holds {}", format_shape(tensor.shape),
                                element_name(tensor.stored), *count * size, raw.size())};
    }
    tensor.data = decode_elements(reinterpret_cast<const uint8_t*>(raw.data()), static_cast<size_t>(*count), tensor.stored);
    return tensor;
  }
  switch (tensor.stored) {
    case ElementType::f32:
      require_count("float_data", proto.float_data_size(), *count, tensor.shape);
      tensor.data.assign(proto.float_data().begin(), proto.float_data().end());
      break;
    case ElementType::f64:
      require_count("double_data", proto.double_data_size(), *count, tensor.shape);
      for (double value : proto.double_data()) tensor.data.push_back(static_cast<float>(value));
      break;
    case ElementType::f16:
    case ElementType::bf16:  // the 16 bits of one element in each int32
      require_count("int32_data", proto.int32_data_size(), *count, tensor.shape);
      for (int32_t value : proto.int32_data()) {
        const uint8_t bytes[] = {static_cast<uint8_t>(value), static_cast<uint8_t>(value >> 8)};
        tensor.data.push_back(decode_elements(bytes, 1, tensor.stored)[0]);
      }
      break;
  }
  return tensor;
}

// The values of a short tensor of INT64, whatever its shape; nothing for others, whose refusal comes from convert_tensor().
std::optional<std::vector<int64_t>> convert_integers(const ::onnx::TensorProto& proto) {
  constexpr int64_t longest = 64;
  if (proto.data_type() != ::onnx::TensorProto::INT64 || proto.data_location() == ::onnx::TensorProto::EXTERNAL)
    return std::nullopt;
  const std::vector<int64_t> shape(proto.dims().begin(), proto.dims().end());
  const std::optional<int64_t> count = element_count(shape);
  if (!count) throw Refusal{fmt::format("dims = {}: negative, or the size does not fit in 63 bits", format_shape(shape))};
  if (*count > longest) return std::nullopt;
  if (!proto.has_raw_data()) {
    require_count("int64_data", proto.int64_data_size(), *count, shape);
    return std::vector<int64_t>(proto.int64_data().begin(), proto.int64_data().end());
  }
  const std::string& raw = proto.raw_data();
  if (static_cast<int64_t>(raw.size()) != 8 * *count) {
    throw Refusal{fmt::format("dims = {} of int64 need {} bytes, raw_data holds {}", format_shape(shape), 8 * *count, raw.size())};
  }
  std::vector<int64_t> values;
  for (int64_t i = 0; i < *count; ++i) {
    uint64_t value = 0;
    for (int64_t byte = 8; byte-- > 0;) value = value << 8 | static_cast<uint8_t>(raw[static_cast<size_t>(8 * i + byte)]);
    values.push_back(static_cast<int64_t>(value));
  }
  return values;
}

// The type field came with IR version 3 (before it, the one field that is set tells).
int attribute_type(const ::onnx::AttributeProto& proto) {
  if (proto.type() != ::onnx::AttributeProto::UNDEFINED) return proto.type();
  if (proto.has_i()) return ::onnx::AttributeProto::INT;
  if (proto.has_f()) return ::onnx::AttributeProto::FLOAT;
  if (proto.has_s()) return ::onnx::AttributeProto::STRING;
  if (proto.has_t()) return ::onnx::AttributeProto::TENSOR;
  if (proto.ints_size() > 0) return ::onnx::AttributeProto::INTS;
  if (proto.floats_size() > 0) return ::onnx::AttributeProto::FLOATS;
  return ::onnx::AttributeProto::UNDEFINED;
}

AttributeValue convert_attribute(const ::onnx::AttributeProto& proto) {
  if (!proto.ref_attr_name().empty()) throw Refusal{"refers to an attribute of a function", false};
  switch (attribute_type(proto)) {
    case ::onnx::AttributeProto::INT:
      return proto.i();
    case ::onnx::AttributeProto::FLOAT:
      return proto.f();
    case ::onnx::AttributeProto::STRING:
      return proto.s();
    case ::onnx::AttributeProto::INTS:
      return std::vector<int64_t>(proto.ints().begin(), proto.ints().end());
    case ::onnx::AttributeProto::FLOATS:
      return std::vector<float>(proto.floats().begin(), proto.floats().end());
    case ::onnx::AttributeProto::TENSOR:
      if (std::optional<std::vector<int64_t>> values = convert_integers(proto.t())) return std::move(*values);
      return convert_tensor(proto.t());
    default:
      throw Refusal{fmt::format("attribute type {} is not supported", static_cast<int>(proto.type())), false};
  }
}

Node convert_node(const ::onnx::NodeProto& proto, int index) {
  Node node;
  const bool own_domain = proto.domain().empty() || proto.domain() == "ai.onnx";
  node.op = own_domain ? proto.op_type() : proto.domain() + "::" + proto.op_type();
  node.name = proto.name();
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  node.label =
      node.name.empty() ? fmt::format("node {} ({})", index, node.op) : fmt::format("node {} '{}' ({})", index, node.name, node.op);
  for (const ::onnx::AttributeProto& attribute : proto.attribute()) {
    try {
      node.attributes[attribute.name()] = convert_attribute(attribute);
    } catch (const Refusal& refusal) {
      if (refusal.broken) {
        throw Error(ExitCode::bad_input, fmt::format("{}: attribute {}: {}", node.label, attribute.name(), refusal.reason));
      }
      node.refused_attributes[attribute.name()] = refusal.reason;
    }
  }
  return node;
}

ValueInfo convert_value(const ::onnx::ValueInfoProto& proto) {
  ValueInfo info;
  info.name = proto.name();
  if (!proto.type().has_tensor_type()) {
    info.refused = "is not a tensor";
    return info;
  }
  const ::onnx::TypeProto::Tensor& tensor = proto.type().tensor_type();
  try {
    element_type(tensor.elem_type());
  } catch (const Refusal& refusal) {
    info.refused = refusal.reason;
  }
  info.has_shape = tensor.has_shape();
  for (const auto& dim : tensor.shape().dim()) {
    // Exporters write dynamic dimensions as a name, as nothing, and as 0 or -1.
    const bool fixed = dim.has_dim_value() && dim.dim_value() > 0;
    info.shape.push_back(fixed ? dim.dim_value() : -1);
    info.dim_names.push_back(dim.has_dim_param() ? dim.dim_param() : "");
  }
  return info;
}

// Every value has one producer, and stands before its consumers.
void check_names(const std::string& path, const Model& model) {
  std::set<std::string> known;
  for (const auto& [name, tensor] : model.initializers) known.insert(name);
  for (const auto& [name, reason] : model.refused_initializers) known.insert(name);
  for (const ValueInfo& input : model.inputs) known.insert(input.name);
  for (const Node& node : model.nodes) {
    for (const std::string& input : node.inputs) {
      if (!input.empty() && known.count(input) == 0) {
        throw Error(ExitCode::bad_input,
                    fmt::format("{}: {}: input '{}' is produced by no node before it", path, node.label, input));
      }
    }
    for (const std::string& output : node.outputs) {
      if (!output.empty() && !known.insert(output).second) {
        throw Error(ExitCode::bad_input, fmt::format("{}: {}: output '{}' is produced twice", path, node.label, output));
      }
    }
  }
  for (const ValueInfo& output : model.outputs) {
    if (known.count(output.name) == 0) {
      throw Error(ExitCode::bad_input, fmt::format("{}: graph output '{}' is produced by no node", path, output.name));
    }
  }
}

}  // namespace

Model load_model(const std::string& path) { return read_model(path, read_file(path, max_message)); }

Model read_model(const std::string& path, const std::vector<uint8_t>& bytes) {
  ::onnx::ModelProto proto;
  parse(path, bytes, &proto, "an ONNX model");
  const auto fail = [&](const std::string& why) { throw Error(ExitCode::bad_input, fmt::format("{}: {}", path, why)); };
  if (!proto.has_graph()) fail("no graph: not an ONNX model, or truncated");
  if (proto.functions_size() > 0) fail("model-local functions are not supported");
  const ::onnx::GraphProto& graph = proto.graph();
  if (graph.sparse_initializer_size() > 0) fail("sparse initializers are not supported");
  Model model;
  model.ir_version = proto.ir_version();
  for (const auto& opset : proto.opset_import()) {
    if (opset.domain().empty() || opset.domain() == "ai.onnx") model.opset = opset.version();
  }
  // Models of IR version 1 and 2 name no operator set: they use the first.
  if (model.opset == 0 && model.ir_version < 3) model.opset = 1;
  if (model.opset < 1) fail("no opset_import of ONNX's own domain: not an ONNX model, or truncated");

  for (const ::onnx::TensorProto& tensor : graph.initializer()) {
    try {
      if (std::optional<std::vector<int64_t>> values = convert_integers(tensor)) model.integers[tensor.name()] = std::move(*values);
      model.initializers[tensor.name()] = convert_tensor(tensor);
    } catch (const Refusal& refusal) {
      if (refusal.broken) fail(fmt::format("initializer '{}': {}", tensor.name(), refusal.reason));
      model.refused_initializers[tensor.name()] = refusal.reason;
    }
  }
  for (int i = 0; i < graph.node_size(); ++i) model.nodes.push_back(convert_node(graph.node(i), i));
  for (const auto& value : graph.input()) model.inputs.push_back(convert_value(value));
  for (const auto& value : graph.output()) model.outputs.push_back(convert_value(value));
  if (model.outputs.empty()) fail("the graph has no outputs");
  check_names(path, model);
  return model;
}

Tensor load_tensor(const std::string& path, std::string* name) {
  ::onnx::TensorProto proto;
  parse(path, read_file(path, max_message), &proto, "an ONNX tensor");
  if (name != nullptr) *name = proto.name();
  try {
    return convert_tensor(proto);
  } catch (const Refusal& refusal) {
    throw Error(ExitCode::bad_input, fmt::format("{}: {}", path, refusal.reason));
  }
}

void save_tensor(const std::string& path, const std::string& name, const Tensor& tensor) {
  ::onnx::TensorProto proto;
  proto.set_name(name);
  proto.set_data_type(::onnx::TensorProto::FLOAT);
  for (int64_t size : tensor.shape) proto.add_dims(size);
  const size_t bytes = tensor.data.size() * sizeof(float);
  if (bytes > max_message - 4096) {
    throw Error(ExitCode::cannot_write, fmt::format("{}: {} bytes do not fit in a protocol buffer; write .npy", path, bytes));
  }
  proto.set_raw_data(tensor.data.data(), bytes);
  const std::string text = proto.SerializeAsString();
  OutputFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace tools::onnx
