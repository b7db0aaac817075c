#include "tools/graph/compile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tools/graph/attributes.hpp"
#include "tools/graph/compiler.hpp"
#include "tools/support/error.hpp"
#include "tools/support/text.hpp"

namespace tools::graph {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error(ExitCode::bad_input, message); }

}  // namespace

Program compile(const onnx::Model& model, std::map<std::string, Tensor> inputs, const CompileOptions& options) {
  return Compiler(model, std::move(inputs), options).compile();
}

Compiler::Compiler(const onnx::Model& model, std::map<std::string, Tensor> inputs, const CompileOptions& options)
    : model_(model), options_(options), uses_(model), done_(model.nodes.size(), false) {
  bind_inputs(std::move(inputs));
}

void Compiler::bind_inputs(std::map<std::string, Tensor> inputs) {
  for (const onnx::ValueInfo& info : model_.inputs) {
    auto given = inputs.extract(info.name);
    if (given.empty()) {
      const bool has_default = model_.initializers.count(info.name) + model_.refused_initializers.count(info.name) > 0;
      if (!has_default) refuse(fmt::format("graph input '{}' ({}) is missing", info.name, format_shape(info.shape)));
      continue;
    }
    check_bound(info, given.mapped().shape);
    add_value(info.name, std::move(given.mapped()), true);
  }
  if (!inputs.empty()) refuse(fmt::format("the model has no input '{}'", inputs.begin()->first));
  for (const auto& [name, tensor] : model_.initializers) {
    if (!has_value(name)) add_value(name, tensor, true);
  }
}

void Compiler::check_bound(const onnx::ValueInfo& info, const Shape& shape) {
  if (!info.refused.empty()) refuse(fmt::format("graph input '{}': {}", info.name, info.refused));
  if (!info.has_shape) return;
  if (info.shape.size() != shape.size()) {
    refuse(fmt::format("graph input '{}' has {} dimensions, the tensor given has shape {}", info.name, info.shape.size(),
                       format_shape(shape)));
  }
  for (size_t a = 0; a < shape.size(); ++a) {
    int64_t wanted = info.shape[a];
    if (wanted < 0 && !info.dim_names[a].empty()) wanted = dims_.emplace(info.dim_names[a], shape[a]).first->second;
    if (wanted >= 0 && wanted != shape[a]) {
      refuse(fmt::format("graph input '{}': dimension {} is {} in the model, the tensor given has shape {}", info.name, a, wanted,
                         format_shape(shape)));
    }
  }
}

Program Compiler::compile() {
  for (size_t n = 0; n < model_.nodes.size(); ++n) {
    if (!done_[n]) compile_node(n);
  }
  for (const onnx::ValueInfo& output : model_.outputs) program_.outputs_.push_back(index_.at(output.name));
  share_memory();
  return std::move(program_);
}

void Compiler::share_memory() {
  std::vector<bool> kept(program_.values_.size(), true);
  std::vector<Lifetime> lifetimes;
  for (const auto& step : program_.steps_) {
    kept[step->output()] = options_.track_error;  // error bounds are read after the run
    lifetimes.push_back({step->output(), program_.values_[step->output()].count(), step->inputs()});
  }
  for (size_t output : program_.outputs_) kept[output] = true;
  program_.buffers_ = plan_buffers(lifetimes, kept);

  double bytes = 0;  // each term fits in 63 bits, their sum may not
  for (size_t count : program_.buffers_.counts) bytes += static_cast<double>(count) * sizeof(float);
  double unshared = 0;
  for (const Lifetime& lifetime : lifetimes) {
    unshared += static_cast<double>(lifetime.count) * sizeof(float);
    if (kept[lifetime.value]) bytes += static_cast<double>(lifetime.count) * sizeof(float);
  }
  if (bytes > static_cast<double>(options_.memory_limit)) {
    refuse(fmt::format("the computed tensors take {:.0f} MiB: more than the memory limit of {} (--memory-limit)", bytes / 0x1p20,
                       format_bytes(options_.memory_limit)));
  }
  program_.computed_bytes_ = static_cast<int64_t>(bytes);
  program_.unshared_bytes_ = static_cast<int64_t>(std::min(unshared, 0x1p62));
}

void Compiler::compile_node(size_t n) {
  const onnx::Node& node = model_.nodes[n];
  constexpr const char* others[] = {"ConvTranspose", "Conv", "Pad", "BatchNormalization", "Add", "Identity", "Constant"};
  if (!is_activation(node.op) && std::find(std::begin(others), std::end(others), node.op) == std::end(others)) {
    fail(
        node,
        "this operator is not supported; ConvTranspose, Conv, Pad, BatchNormalization, Add, Relu, LeakyRelu, PRelu, Sigmoid, Tanh, "
        "Clip, Elu, Identity and Constant are");
  }
  if (node.outputs.empty() || node.outputs[0].empty()) fail(node, "has no output");
  if (node.op == "ConvTranspose") {
    conv_transpose(node);
  } else if (node.op == "Conv") {
    convolution(node);
  } else if (node.op == "Pad") {
    pad(node);
  } else if (node.op == "BatchNormalization") {
    batch_norm(node);
  } else if (is_activation(node.op)) {
    activation(node);
  } else if (node.op == "Add") {
    add(node);
  } else if (node.op == "Identity") {
    index_[node.outputs[0]] = value_of(node, 0);
  } else if (const auto value = node.attributes.find("value");
             value != node.attributes.end() && std::holds_alternative<std::vector<int64_t>>(value->second)) {
    integers_[node.outputs[0]] = std::get<std::vector<int64_t>>(value->second);
  } else {
    add_value(node.outputs[0], read_constant(node), true);
  }
}

void Compiler::conv_transpose(const onnx::Node& node) {
  if (node.inputs.size() < 2 || node.inputs.size() > 3)
    fail(node, fmt::format("has {} inputs, must have 2 or 3", node.inputs.size()));
  const size_t input = value_of(node, 0);
  const Tensor* weights = parameter(node, 1);
  const Tensor* bias = parameter(node, 2);
  if (weights == nullptr) fail(node, "input W is missing");

  const Shape* declared = nullptr;
  for (const onnx::ValueInfo& info : model_.outputs) {
    if (info.has_shape && !node.outputs.empty() && info.name == node.outputs[0]) declared = &info.shape;
  }
  operator_node(node, input, conv_transpose_description(node, program_.values_[input].tensor.shape, weights->shape, declared),
                weights->data, bias);
}

void Compiler::operator_node(const onnx::Node& node, size_t input, const tconv::Description& description,
                             std::vector<float> weights, const Tensor* bias) {
  Chain chain;
  tconv::Description& d = chain.layer.description;
  d = description;
  d.layout = options_.layout;
  if (const auto deferred = deferred_.find(node.inputs[0]); deferred != deferred_.end()) d.input_activation = deferred->second;
  if (bias != nullptr && bias->shape != Shape{d.out_channels}) {
    fail(node,
         fmt::format("bias B has shape {}: must be {}, one value per output channel", format_shape(bias->shape), d.out_channels));
  }
  tconv::Geometry geometry;
  if (tconv::Status s = tconv::resolve(d, &geometry); !s.ok()) fail(node, s.message());
  chain.shape = {d.batch, d.out_channels};
  for (int a = tconv::max_rank - d.rank; a < tconv::max_rank; ++a) chain.shape.push_back(geometry.output[a]);
  chain.layer.weights = std::move(weights);
  if (bias != nullptr) chain.layer.bias = bias->data;
  chain.label += node.label;
  chain.result = node.outputs[0];
  chain.input = input;
  if (options_.fuse) fuse_followers(&chain);
  finish(std::move(chain));
}

Chain Compiler::pointwise(const onnx::Node& node, size_t input, size_t first, size_t last) const {
  const Tensor& x = program_.values_[input].tensor;
  if (element_count(x.shape).value_or(0) == 0) fail(node, fmt::format("the input has shape {}: is empty", format_shape(x.shape)));
  Chain chain;
  tconv::Description& d = chain.layer.description;
  d.rank = 1;
  int64_t channels = 1;
  for (size_t a = 0; a < x.shape.size(); ++a) (a < first ? d.batch : a < last ? channels : d.axis[0].input) *= x.shape[a];
  d.in_channels = d.out_channels = d.groups = channels;
  chain.layer.weights.assign(static_cast<size_t>(d.out_channels), 1.0f);
  chain.shape = x.shape;
  chain.label = node.label;
  chain.result = node.outputs[0];
  chain.input = input;
  return chain;
}

void Compiler::batch_norm(const onnx::Node& node) {
  const size_t input = value_of(node, 0);
  const Shape& shape = program_.values_[input].tensor.shape;
  if (shape.size() < 2) fail(node, fmt::format("the input has shape {}: must have channels", format_shape(shape)));
  Chain chain = pointwise(node, input, 1, 2);
  const ChannelAffine affine = channel_affine(read_batch_norm(node, model_.opset, shape[1], parameters(node)));
  for (size_t c = 0; c < affine.factor.size(); ++c) {
    chain.layer.weights[c] = static_cast<float>(affine.factor[c]);
    chain.layer.bias.push_back(static_cast<float>(affine.offset[c]));
  }
  if (options_.fuse) fuse_followers(&chain);
  finish(std::move(chain));
}

void Compiler::activation(const onnx::Node& node) {
  const size_t input = value_of(node, 0);
  const Shape& shape = program_.values_[input].tensor.shape;
  ActivationSpec spec = read_activation(node, model_.opset, shape, parameters(node));
  if (options_.fuse && defer_to_reader(node, spec)) {
    deferred_[node.outputs[0]] = spec.activation;
    index_[node.outputs[0]] = input;
    return;
  }
  const size_t trailing = spec.slope_dimensions;
  Chain chain = spec.slopes.empty() ? pointwise(node, input, 0, 0)
                : trailing == 0     ? pointwise(node, input, 1, 2)
                                    : pointwise(node, input, shape.size() - trailing, shape.size());
  chain.layer.description.activation = spec.activation;
  chain.layer.slopes = std::move(spec.slopes);
  finish(std::move(chain));
}

void Compiler::add(const onnx::Node& node) {
  if (node.inputs.size() != 2) fail(node, fmt::format("has {} inputs, must have 2", node.inputs.size()));
  const size_t a = value_of(node, 0);
  const size_t b = value_of(node, 1);
  const Shape& a_shape = program_.values_[a].tensor.shape;
  const Shape b_shape = add_operand_shape(node, model_.opset, a_shape, program_.values_[b].tensor.shape);
  const std::optional<Shape> shape = broadcast(a_shape, b_shape);
  if (!shape) {
    fail(node, fmt::format("shapes {} and {} cannot be added", format_shape(a_shape), format_shape(b_shape)));
  }
  const size_t output = add_computed(node.outputs[0], node.label, *shape);
  program_.steps_.push_back(make_add_step(node.label, a, a_shape, b, b_shape, output));
}

void Compiler::finish(Chain chain) {
  const size_t output = add_computed(chain.result, chain.label, chain.shape);
  program_.steps_.push_back(make_operator_step(chain.label, std::move(chain.layer), options_, chain.input, chain.residual, output));
}

size_t Compiler::add_value(const std::string& name, Tensor tensor, bool known) {
  program_.values_.push_back({name, std::move(tensor), known, {}});
  return index_[name] = program_.values_.size() - 1;
}

size_t Compiler::add_computed(const std::string& name, const std::string& label, const Shape& shape) {
  const std::optional<int64_t> count = element_count(shape);
  constexpr auto element = static_cast<int64_t>(sizeof(float));
  if (!count || *count > options_.memory_limit / element) {
    refuse(fmt::format("{}: a result of shape {} does not fit in the memory limit of {} for all computed tensors (--memory-limit)",
                       label, format_shape(shape), format_bytes(options_.memory_limit)));
  }
  Tensor tensor;
  tensor.shape = shape;
  return add_value(name, std::move(tensor), false);
}

size_t Compiler::value_of(const onnx::Node& node, size_t i) const {
  if (i >= node.inputs.size() || node.inputs[i].empty()) fail(node, fmt::format("input {} is missing", i));
  const auto found = index_.find(node.inputs[i]);
  if (found != index_.end()) return found->second;
  const auto refused = model_.refused_initializers.find(node.inputs[i]);
  if (integers_.count(node.inputs[i]) > 0)
    fail(node, fmt::format("input '{}' holds integers: must be of a float type", node.inputs[i]));
  fail(node, fmt::format("input '{}': {}", node.inputs[i],
                         refused != model_.refused_initializers.end() ? refused->second : "has no value"));
}

const Tensor* Compiler::parameter(const onnx::Node& node, size_t i) const {
  if (i >= node.inputs.size() || node.inputs[i].empty()) return nullptr;
  const Value& value = program_.values_[value_of(node, i)];
  if (!value.known)
    fail(node, fmt::format("input '{}' is computed by another node: must be a constant or a graph input", node.inputs[i]));
  return &value.tensor;
}

const std::vector<int64_t>& Compiler::integers_of(const onnx::Node& node, size_t i) const {
  if (i >= node.inputs.size() || node.inputs[i].empty()) fail(node, fmt::format("input {} is missing", i));
  for (const auto* lists : {&integers_, &model_.integers}) {
    if (const auto found = lists->find(node.inputs[i]); found != lists->end()) return found->second;
  }
  fail(node, fmt::format("input '{}' must be a constant list of at most 64 integers (INT64)", node.inputs[i]));
}

std::vector<const Tensor*> Compiler::parameters(const onnx::Node& node) const {
  std::vector<const Tensor*> tensors;
  for (size_t i = 1; i < node.inputs.size(); ++i) tensors.push_back(parameter(node, i));
  return tensors;
}

}  // namespace tools::graph
