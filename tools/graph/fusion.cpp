// What an operator takes over from the nodes after it: y = activation(W x + bias + residual).
//   BatchNormalization   into weights and bias (before a residual and an activation)
//   Add                  one value per channel into the bias; a tensor of the result's shape as the residual, once
//   activation           last
//   Identity             by name
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "tools/graph/attributes.hpp"
#include "tools/graph/compiler.hpp"

namespace tools::graph {
namespace {

void ensure_bias(Layer* layer) {
  const auto channels = static_cast<size_t>(layer->description.out_channels);
  if (layer->bias.empty()) layer->bias.assign(channels, 0.0f);
  if (layer->bias_magnitude.empty()) {
    for (float b : layer->bias) layer->bias_magnitude.push_back(std::fabs(b));
  }
}

}  // namespace

bool Compiler::defer_to_reader(const onnx::Node& node, const ActivationSpec& spec) {
  switch (spec.activation.kind) {
    case tconv::ActivationKind::relu:
    case tconv::ActivationKind::leaky_relu:
    case tconv::ActivationKind::elu:
      break;
    default:
      return false;
  }
  const std::optional<size_t> reader = uses_.only_reader(node.outputs[0]);
  if (!reader || deferred_.count(node.inputs[0]) > 0) return false;
  const onnx::Node& next = model_.nodes[*reader];
  return next.op == "ConvTranspose" && next.inputs[0] == node.outputs[0];
}

void Compiler::fold(const BatchNormSpec& norm, Chain* chain) {
  Layer& layer = chain->layer;
  const tconv::Description& d = layer.description;
  ensure_bias(&layer);
  int64_t taps = 1;
  for (int a = 0; a < d.rank; ++a) taps *= d.axis[a].kernel;
  const tconv::BatchNorm parameters{norm.scale->data.data(), norm.shift->data.data(), norm.mean->data.data(),
                                    norm.variance->data.data(), norm.epsilon};
  const tconv::Status status =
      tconv::fold_batch_norm(parameters, d.in_channels, d.out_channels, d.groups, taps, layer.weights.data(), layer.bias.data(),
                             layer.weights.data(), layer.bias.data());
  if (!status.ok()) throw std::logic_error(status.message());  // read_batch_norm has checked all of it
  const ChannelAffine affine = channel_affine(norm);
  for (size_t c = 0; c < layer.bias.size(); ++c) {
    const double inner = static_cast<double>(layer.bias_magnitude[c]) + std::fabs(static_cast<double>(norm.mean->data[c]));
    layer.bias_magnitude[c] =
        static_cast<float>(std::fabs(affine.factor[c]) * inner + std::fabs(static_cast<double>(norm.shift->data[c])));
  }
}

bool Compiler::fuse(const onnx::Node& node, Chain* chain) {
  Layer& layer = chain->layer;
  const bool first = !node.inputs.empty() && node.inputs[0] == chain->result;
  if (node.op == "Identity") return first;
  if (layer.description.activation.kind != tconv::ActivationKind::none) return false;
  // The chain's value is read by nobody else, so its parameters are other values; those that are not known yet prevent fusion.
  const auto known = [&](size_t i) {
    const auto found = index_.find(node.inputs[i]);
    return found != index_.end() && program_.values_[found->second].known;
  };
  if (node.op == "Add") {
    if (node.inputs.size() != 2) return false;
    const size_t other = first ? 1 : 0;
    if (!has_value(node.inputs[other]) || deferred_.count(node.inputs[other]) > 0) return false;
    const Value& operand = program_.values_[index_.at(node.inputs[other])];
    Tensor constant;
    constant.shape = first ? add_operand_shape(node, model_.opset, chain->shape, operand.tensor.shape) : operand.tensor.shape;
    if (!first && model_.opset < 7) return false;
    if (known(other)) {
      constant.data = operand.tensor.data;
      const std::optional<std::vector<float>> values = per_channel_constant(chain->shape, constant);
      if (values && chain->shape.size() >= 2 && static_cast<int64_t>(chain->shape[1]) == layer.description.out_channels) {
        ensure_bias(&layer);
        for (size_t c = 0; c < layer.bias.size(); ++c) {
          const float value = (*values)[values->size() == 1 ? 0 : c];
          layer.bias[c] += value;
          layer.bias_magnitude[c] += std::fabs(value);
        }
        return true;
      }
    }
    if (chain->residual || constant.shape != chain->shape) return false;
    chain->residual = index_.at(node.inputs[other]);
    return true;
  }
  if (!first) return false;
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (!node.inputs[i].empty() && !known(i)) return false;
  }
  if (node.op == "BatchNormalization") {
    if (chain->residual || chain->shape.size() < 2 || chain->shape[1] != layer.description.out_channels) return false;
    fold(read_batch_norm(node, model_.opset, chain->shape[1], parameters(node)), chain);
    return true;
  }
  if (is_activation(node.op)) {
    ActivationSpec spec = read_activation(node, model_.opset, chain->shape, parameters(node));
    // Slopes of other dimensions, or channels that are not this operator's, are left to a step of their own.
    if (!spec.slopes.empty() &&
        (spec.slope_dimensions != 0 || static_cast<int64_t>(spec.slopes.size()) != layer.description.out_channels))
      return false;
    layer.description.activation = spec.activation;
    layer.slopes = std::move(spec.slopes);
    return true;
  }
  return false;
}

void Compiler::fuse_followers(Chain* chain) {
  for (;;) {
    const std::optional<size_t> reader = uses_.only_reader(chain->result);
    if (!reader) return;
    const onnx::Node& node = model_.nodes[*reader];
    if (node.outputs.empty() || node.outputs[0].empty() || !fuse(node, chain)) return;
    done_[*reader] = true;
    chain->label += " + " + node.label;
    chain->result = node.outputs[0];
  }
}

}  // namespace tools::graph
