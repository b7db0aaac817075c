// ONNX Conv with stride 1, as what it is: a transposed convolution with stride 1 and the flipped kernel (Dumoulin & Visin, "A guide
// to convolution arithmetic for deep learning", relationships 8 to 10). Per axis
//     conv              y[o] = sum over t of  x[o + d t - p]  w[t]
//     transposed, s = 1 y[o] = sum over t' of x[o + p' - d t'] w'[t']
// are equal for t' = k - 1 - t, w'[t'] = w[t], p' = d (k - 1) - p. Where p is larger than d (k - 1), p' would be negative: the
// outermost zeros, which no tap joins with data, are put around the input beforehand.
#include <fmt/format.h>

#include <algorithm>

#include "tools/graph/attributes.hpp"
#include "tools/graph/compiler.hpp"
#include "tools/support/text.hpp"

namespace tools::graph {
namespace {

// [out_channels, in_channels / groups, taps] -> [in_channels, out_channels / groups, taps reversed]. Reversing the flat order of
// the taps reverses every axis.
std::vector<float> flipped(const std::vector<float>& weights, int64_t in_channels, int64_t out_channels, int64_t groups,
                           int64_t taps) {
  std::vector<float> result(weights.size());
  const int64_t group_in = in_channels / groups;
  const int64_t group_out = out_channels / groups;
  for (int64_t m = 0; m < out_channels; ++m) {
    for (int64_t c = 0; c < group_in; ++c) {
      const float* from = weights.data() + (m * group_in + c) * taps;
      float* to = result.data() + ((m / group_out * group_in + c) * group_out + m % group_out) * taps;
      std::reverse_copy(from, from + taps, to);
    }
  }
  return result;
}

// Padding of a stride-1 convolution whose output has the size of its input; the odd cell goes to the end for SAME_UPPER.
void set_auto_pad(const onnx::Node& node, const std::string& name, const tconv::Description& d, std::vector<int64_t>* pads) {
  if (name == "NOTSET" || name.empty()) return;
  const auto rank = static_cast<size_t>(d.rank);
  for (size_t a = 0; a < rank; ++a) {
    const int64_t total = d.axis[a].dilation * (d.axis[a].kernel - 1);
    if (name == "VALID") {
      (*pads)[a] = (*pads)[rank + a] = 0;
    } else if (name == "SAME_UPPER" || name == "SAME_LOWER") {
      (*pads)[a] = name == "SAME_UPPER" ? total / 2 : total - total / 2;
      (*pads)[rank + a] = total - (*pads)[a];
    } else {
      fail(node, fmt::format("auto_pad = '{}': must be NOTSET, SAME_UPPER, SAME_LOWER or VALID", name));
    }
  }
}

}  // namespace

Convolution read_convolution(const onnx::Node& node, const Shape& input, const Tensor& weights) {
  if (input.size() < 3 || input.size() > 5) {
    fail(node,
         fmt::format("input X has shape {}: must have 1, 2 or 3 spatial dimensions after batch and channels", format_shape(input)));
  }
  const Shape& w = weights.shape;
  if (w.size() != input.size()) {
    fail(node, fmt::format("weights W have shape {}, input X {}: must have the same number of dimensions", format_shape(w),
                           format_shape(input)));
  }
  const size_t rank = input.size() - 2;
  Convolution result;
  tconv::Description& d = result.description;
  Attributes attributes(node);
  d.rank = static_cast<int>(rank);
  d.batch = input[0];
  d.in_channels = input[1];
  d.out_channels = w[0];
  d.groups = attributes.integer("group", 1);
  if (d.groups < 1) fail(node, fmt::format("group = {}: must be at least 1", d.groups));
  if (d.in_channels % d.groups != 0 || d.out_channels % d.groups != 0) {
    fail(node,
         fmt::format("group = {}: must divide the {} input and the {} output channels", d.groups, d.in_channels, d.out_channels));
  }
  if (w[1] != d.in_channels / d.groups) {
    fail(node, fmt::format("weights W have shape {}: the second size must be {}, the {} channels of X by {} group{}",
                           format_shape(w), d.in_channels / d.groups, d.in_channels, d.groups, d.groups == 1 ? "" : "s"));
  }
  const std::vector<int64_t> strides = attributes.integers("strides", rank, 1);
  const std::vector<int64_t> dilations = attributes.integers("dilations", rank, 1);
  std::vector<int64_t> pads = attributes.integers("pads", 2 * rank, 0);
  const std::vector<int64_t> kernel = attributes.integers("kernel_shape", rank, 0);
  if (attributes.has("kernel_shape") && kernel != std::vector<int64_t>(w.begin() + 2, w.end())) {
    fail(node, fmt::format("kernel_shape = {}: the weights W have shape {}", format_shape(kernel), format_shape(w)));
  }
  int64_t taps = 1;
  for (size_t a = 0; a < rank; ++a) {
    if (strides[a] != 1) {
      fail(node, fmt::format("strides = {}: Conv is computed as a transposed convolution, which it is for stride 1 alone",
                             format_shape(strides)));
    }
    if (w[2 + a] < 1) fail(node, fmt::format("weights W have shape {}: every size must be at least 1", format_shape(w)));
    // Far above any layer, far below overflow.
    constexpr int64_t limit = int64_t{1} << 31;
    if (dilations[a] < 1 || dilations[a] > limit / w[2 + a]) {
      fail(node, fmt::format("dilations = {}: must be at least 1 and, times the kernel, below 2^31", format_shape(dilations)));
    }
    d.axis[a].input = input[2 + a];
    d.axis[a].kernel = w[2 + a];
    d.axis[a].dilation = dilations[a];
    taps *= w[2 + a];
  }
  set_auto_pad(node, attributes.text("auto_pad", "NOTSET"), d, &pads);
  attributes.finish();

  result.zeros.assign(2 * input.size(), 0);
  for (size_t a = 0; a < rank; ++a) {
    const int64_t reach = dilations[a] * (w[2 + a] - 1);
    for (size_t end = 0; end < 2; ++end) {
      const int64_t pad = pads[end * rank + a];
      if (pad < 0) fail(node, fmt::format("pads = {}: must not be negative", format_shape(pads)));
      const int64_t outside = std::max<int64_t>(pad - reach, 0);
      result.zeros[end * input.size() + 2 + a] = outside;
      result.has_zeros = result.has_zeros || outside > 0;
      if (__builtin_add_overflow(d.axis[a].input, outside, &d.axis[a].input)) {
        fail(node, fmt::format("pads = {}: with the input they do not fit in 63 bits", format_shape(pads)));
      }
      (end == 0 ? d.axis[a].pad_begin : d.axis[a].pad_end) = std::max<int64_t>(reach - pad, 0);
    }
  }
  result.weights = flipped(weights.data, d.in_channels, d.out_channels, d.groups, taps);
  return result;
}

void Compiler::convolution(const onnx::Node& node) {
  if (node.inputs.size() < 2 || node.inputs.size() > 3)
    fail(node, fmt::format("has {} inputs, must have 2 or 3", node.inputs.size()));
  size_t input = value_of(node, 0);
  const Tensor* weights = parameter(node, 1);
  const Tensor* bias = parameter(node, 2);
  if (weights == nullptr) fail(node, "input W is missing");
  Convolution convolution = read_convolution(node, program_.values_[input].tensor.shape, *weights);
  if (convolution.has_zeros) {
    input = add_pad(node.label + ", zeros outside the kernel's reach", node.outputs[0] + " (padded input)", input,
                    {convolution.zeros, PadMode::constant, 0.0f});
  }
  operator_node(node, input, convolution.description, std::move(convolution.weights), bias);
}

}  // namespace tools::graph
