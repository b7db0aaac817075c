#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/graph/attributes.hpp"
#include "tools/graph/operators.hpp"
#include "tools/support/text.hpp"

namespace tools::graph {
namespace {

using tconv::ActivationKind;

float scalar_input(const onnx::Node& node, const char* name, const Tensor* tensor, float fallback) {
  if (tensor == nullptr) return fallback;
  if (tensor->data.size() != 1)
    fail(node, fmt::format("input {} has shape {}: must be a scalar", name, format_shape(tensor->shape)));
  return tensor->data[0];
}

// Clip: bounds are attributes before opset 11, optional inputs since. Without them they are the ends of the finite range.
tconv::Activation read_clip(const onnx::Node& node, int64_t opset, Attributes* attributes,
                            const std::vector<const Tensor*>& inputs) {
  tconv::Activation clamp;
  clamp.kind = ActivationKind::clamp;
  clamp.alpha = std::numeric_limits<float>::lowest();
  clamp.beta = std::numeric_limits<float>::max();
  if (opset < 11) {
    clamp.alpha = attributes->real("min", clamp.alpha);
    clamp.beta = attributes->real("max", clamp.beta);
    if (opset < 6) attributes->ignore("consumed_inputs");
  } else {
    clamp.alpha = scalar_input(node, "min", inputs.size() > 0 ? inputs[0] : nullptr, clamp.alpha);
    clamp.beta = scalar_input(node, "max", inputs.size() > 1 ? inputs[1] : nullptr, clamp.beta);
  }
  if (std::isnan(clamp.alpha) || std::isnan(clamp.beta)) fail(node, "a bound is NaN");
  // min(max(x, low), high) with low > high is high for every x.
  clamp.alpha = std::min(clamp.alpha, clamp.beta);
  return clamp;
}

// `tensor`, whose sizes are those of `shape` or 1, written out in full.
std::vector<float> repeat_to(const Tensor& tensor, const Shape& shape) {
  std::vector<float> values(static_cast<size_t>(element_count(shape).value_or(0)));
  for (size_t i = 0; i < values.size(); ++i) {
    auto rest = static_cast<int64_t>(i);
    int64_t from = 0;
    int64_t pitch = 1;
    for (size_t a = shape.size(); a-- > 0;) {
      if (tensor.shape[a] != 1) from += rest % shape[a] * pitch;
      rest /= shape[a];
      pitch *= tensor.shape[a];
    }
    values[i] = tensor.data[static_cast<size_t>(from)];
  }
  return values;
}

ActivationSpec read_prelu(const onnx::Node& node, int64_t opset, const Shape& shape, const std::vector<const Tensor*>& inputs) {
  if (inputs.empty() || inputs[0] == nullptr) fail(node, "input slope is missing");
  const Tensor& slope = *inputs[0];
  ActivationSpec spec;
  const bool old_channels = opset < 7 && slope.shape.size() == 1 && shape.size() > 1 && slope.shape[0] == shape[1];
  const std::optional<std::vector<float>> values = old_channels ? slope.data : per_channel_constant(shape, slope);
  if (!values) {
    // Slopes that vary along other dimensions: written out over the trailing dimensions that they span.
    const std::optional<Shape> both = broadcast(shape, slope.shape);
    if (!both || *both != shape) {
      fail(node, fmt::format("slope has shape {}, the input {}: cannot be repeated to fit", format_shape(slope.shape),
                             format_shape(shape)));
    }
    spec.activation.kind = ActivationKind::prelu;
    spec.slope_dimensions = slope.shape.size();
    spec.slopes = repeat_to(slope, Shape(shape.end() - static_cast<int64_t>(slope.shape.size()), shape.end()));
    return spec;
  }
  if (values->size() == 1) {
    spec.activation.kind = ActivationKind::leaky_relu;
    spec.activation.alpha = values->front();
  } else {
    spec.activation.kind = ActivationKind::prelu;
    spec.slopes = *values;
  }
  return spec;
}

}  // namespace

bool is_activation(const std::string& op) {
  constexpr const char* names[] = {"Relu", "LeakyRelu", "PRelu", "Sigmoid", "Tanh", "Clip", "Elu"};
  return std::find(std::begin(names), std::end(names), op) != std::end(names);
}

ActivationSpec read_activation(const onnx::Node& node, int64_t opset, const Shape& shape,
                               const std::vector<const Tensor*>& constants) {
  ActivationSpec spec;
  Attributes attributes(node);
  if (opset < 6) attributes.ignore("consumed_inputs");
  const size_t limit = node.op == "PRelu" ? 1 : node.op == "Clip" && opset >= 11 ? 2 : 0;
  if (constants.size() > limit) fail(node, fmt::format("has {} inputs, takes {}", constants.size() + 1, limit + 1));
  if (node.op == "Relu") {
    spec.activation.kind = ActivationKind::relu;
  } else if (node.op == "LeakyRelu") {
    spec.activation.kind = ActivationKind::leaky_relu;
    spec.activation.alpha = attributes.real("alpha", 0.01f);
  } else if (node.op == "Elu") {
    spec.activation.kind = ActivationKind::elu;
    spec.activation.alpha = attributes.real("alpha", 1.0f);
  } else if (node.op == "Sigmoid") {
    spec.activation.kind = ActivationKind::sigmoid;
  } else if (node.op == "Tanh") {
    spec.activation.kind = ActivationKind::tanh;
  } else if (node.op == "Clip") {
    spec.activation = read_clip(node, opset, &attributes, constants);
  } else {
    spec = read_prelu(node, opset, shape, constants);
  }
  attributes.finish();
  return spec;
}

BatchNormSpec read_batch_norm(const onnx::Node& node, int64_t opset, int64_t channels,
                              const std::vector<const Tensor*>& constants) {
  Attributes attributes(node);
  BatchNormSpec norm{};
  norm.epsilon = attributes.real("epsilon", 1e-5f);
  attributes.ignore("momentum");
  if (opset < 7) {
    if (attributes.integer("is_test", 0) == 0) fail(node, "is_test = 0: training mode is not supported");
    attributes.ignore("consumed_inputs");
  }
  if (opset < 9 && attributes.integer("spatial", 1) != 1) fail(node, "spatial = 0: statistics per element are not supported");
  if (opset >= 14 && attributes.integer("training_mode", 0) != 0) fail(node, "training_mode = 1: is not supported");
  attributes.finish();
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (!node.outputs[i].empty())
      fail(node, fmt::format("output '{}': only the first output exists outside training", node.outputs[i]));
  }
  if (constants.size() != 4) fail(node, fmt::format("has {} inputs, must have 5", constants.size() + 1));
  const char* names[] = {"scale", "B", "mean", "var"};
  for (size_t i = 0; i < 4; ++i) {
    if (constants[i] == nullptr) fail(node, fmt::format("input {} is missing", names[i]));
    if (constants[i]->shape != Shape{channels}) {
      fail(node, fmt::format("input {} has shape {}: must be {}", names[i], format_shape(constants[i]->shape), channels));
    }
  }
  norm.scale = constants[0];
  norm.shift = constants[1];
  norm.mean = constants[2];
  norm.variance = constants[3];
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    const double variance = static_cast<double>(norm.variance->data[c]) + static_cast<double>(norm.epsilon);
    if (!(variance > 0)) fail(node, fmt::format("var[{}] + epsilon = {}: must be positive", c, variance));
  }
  return norm;
}

ChannelAffine channel_affine(const BatchNormSpec& norm) {
  ChannelAffine affine;
  for (size_t c = 0; c < norm.scale->data.size(); ++c) {
    const double deviation = std::sqrt(static_cast<double>(norm.variance->data[c]) + static_cast<double>(norm.epsilon));
    const double factor = static_cast<double>(norm.scale->data[c]) / deviation;
    affine.factor.push_back(factor);
    affine.offset.push_back(static_cast<double>(norm.shift->data[c]) - factor * static_cast<double>(norm.mean->data[c]));
  }
  return affine;
}

std::optional<std::vector<float>> per_channel_constant(const Shape& shape, const Tensor& constant) {
  if (constant.shape.size() > shape.size()) return std::nullopt;
  if (constant.data.size() == 1) return constant.data;
  // Aligned at the last dimension: only dimension 1 of `shape` may be other than 1.
  const size_t lead = shape.size() - constant.shape.size();
  for (size_t a = 0; a < constant.shape.size(); ++a) {
    const bool is_channel = lead + a == 1;
    if (constant.shape[a] != 1 && !(is_channel && constant.shape[a] == shape[1])) return std::nullopt;
  }
  return constant.data;
}

Shape add_operand_shape(const onnx::Node& node, int64_t opset, const Shape& first, const Shape& second) {
  Attributes attributes(node);
  Shape shape = second;
  if (opset < 7) {
    attributes.ignore("consumed_inputs");
    const bool wanted = attributes.integer("broadcast", 0) != 0;
    const auto rank = static_cast<int64_t>(first.size());
    const auto size = static_cast<int64_t>(second.size());
    int64_t axis = attributes.integer("axis", rank - size);
    if (axis < 0) axis += rank;
    if (!wanted && first != second) fail(node, "the operands differ in shape, and broadcast is 0");
    if (wanted && (axis < 0 || axis + size > rank)) fail(node, fmt::format("axis = {}: does not fit the operands", axis));
    if (wanted) shape.insert(shape.end(), static_cast<size_t>(rank - size - axis), 1);
  }
  attributes.finish();
  return shape;
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (size_t i = 1; i <= result.size(); ++i) {
    const int64_t from_a = i <= a.size() ? a[a.size() - i] : 1;
    const int64_t from_b = i <= b.size() ? b[b.size() - i] : 1;
    if (from_a != from_b && from_a != 1 && from_b != 1) return std::nullopt;
    result[result.size() - i] = from_a == 1 ? from_b : from_a;
  }
  return result;
}

Tensor read_constant(const onnx::Node& node) {
  if (node.attributes.size() + node.refused_attributes.size() != 1) fail(node, "must have exactly one attribute");
  for (const auto& [name, reason] : node.refused_attributes) fail(node, fmt::format("attribute {}: {}", name, reason));
  const auto& [name, value] = *node.attributes.begin();
  if (const Tensor* tensor = std::get_if<Tensor>(&value); tensor != nullptr && name == "value") return *tensor;
  if (const float* number = std::get_if<float>(&value); number != nullptr && name == "value_float") return {{}, {*number}, {}};
  if (const auto* numbers = std::get_if<std::vector<float>>(&value); numbers != nullptr && name == "value_floats") {
    return {{static_cast<int64_t>(numbers->size())}, *numbers, {}};
  }
  fail(node, fmt::format("attribute {}: must be value, value_float or value_floats, of a float type", name));
}

}  // namespace tools::graph
