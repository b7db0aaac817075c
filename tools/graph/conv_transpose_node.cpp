#include <fmt/format.h>

#include <algorithm>

#include "tools/graph/attributes.hpp"
#include "tools/graph/operators.hpp"
#include "tools/support/text.hpp"

namespace tools::graph {
namespace {

tconv::AutoPad read_auto_pad(const onnx::Node& node, Attributes* attributes) {
  const std::string name = attributes->text("auto_pad", "NOTSET");
  if (name == "NOTSET" || name.empty()) return tconv::AutoPad::notset;
  if (name == "SAME_UPPER") return tconv::AutoPad::same_upper;
  if (name == "SAME_LOWER") return tconv::AutoPad::same_lower;
  if (name == "VALID") return tconv::AutoPad::valid;
  fail(node, fmt::format("auto_pad = '{}': must be NOTSET, SAME_UPPER, SAME_LOWER or VALID", name));
}

// The attribute gives the spatial sizes; some exporters wrote batch and channels before them.
std::vector<int64_t> read_output_shape(const onnx::Node& node, Attributes* attributes, const tconv::Description& d) {
  const auto rank = static_cast<size_t>(d.rank);
  std::vector<int64_t> sizes = attributes->integers("output_shape", 0, 0);
  if (sizes.size() == rank + 2) {
    if (sizes[0] != d.batch || sizes[1] != d.out_channels) {
      fail(node, fmt::format("output_shape = {}: begins with other sizes than batch {} and channels {}", format_shape(sizes),
                             d.batch, d.out_channels));
    }
    sizes.erase(sizes.begin(), sizes.begin() + 2);
  }
  if (sizes.size() != rank) {
    fail(node, fmt::format("output_shape: has {} values, must have {}", sizes.size(), rank));
  }
  for (int64_t size : sizes) {
    if (size < 1) fail(node, fmt::format("output_shape = {}: every size must be at least 1", format_shape(sizes)));
  }
  return sizes;
}

// SAME padding of an axis whose uncropped output is smaller than s * i: the operator text (and the library) says s * i, but
// onnxruntime, which most models were run with, and ONNX's shape inference leave the output uncropped. The shape that the model
// declares decides; without one, onnxruntime's.
void settle_short_axes(const Shape* declared, tconv::Description* d) {
  if (d->auto_pad != tconv::AutoPad::same_upper && d->auto_pad != tconv::AutoPad::same_lower) return;
  if (d->output_shape[0] != 0) return;
  const bool known = declared != nullptr && declared->size() == static_cast<size_t>(d->rank) + 2;
  int64_t sizes[tconv::max_rank] = {};
  bool uncropped = false;
  for (int a = 0; a < d->rank; ++a) {
    tconv::Axis axis = d->axis[a];
    axis.pad_begin = axis.pad_end = 0;
    int64_t natural = 0;
    if (!tconv::output_size(axis, "", &natural).ok() || __builtin_mul_overflow(axis.stride, axis.input, &sizes[a])) return;
    if (natural < sizes[a] && !(known && (*declared)[static_cast<size_t>(a) + 2] == sizes[a])) {
      sizes[a] = natural;
      uncropped = true;
    }
  }
  if (uncropped) std::copy(sizes, sizes + d->rank, d->output_shape);
}

}  // namespace

tconv::Description conv_transpose_description(const onnx::Node& node, const Shape& input, const Shape& weights,
                                              const Shape* declared) {
  if (input.size() < 3 || input.size() > 5) {
    fail(node,
         fmt::format("input X has shape {}: must have 1, 2 or 3 spatial dimensions after batch and channels", format_shape(input)));
  }
  if (weights.size() != input.size()) {
    fail(node, fmt::format("weights W have shape {}, input X {}: must have the same number of dimensions", format_shape(weights),
                           format_shape(input)));
  }
  const size_t rank = input.size() - 2;
  tconv::Description d;
  Attributes attributes(node);
  d.rank = static_cast<int>(rank);
  d.batch = input[0];
  d.in_channels = input[1];
  d.groups = attributes.integer("group", 1);
  if (weights[0] != d.in_channels) {
    fail(node,
         fmt::format("weights W have shape {}: the first size must be the {} channels of X", format_shape(weights), d.in_channels));
  }
  if (d.groups < 1) fail(node, fmt::format("group = {}: must be at least 1", d.groups));
  if (__builtin_mul_overflow(weights[1], d.groups, &d.out_channels)) {
    fail(node, fmt::format("group = {}: times {} channels does not fit in 63 bits", d.groups, weights[1]));
  }

  const std::vector<int64_t> strides = attributes.integers("strides", rank, 1);
  const std::vector<int64_t> dilations = attributes.integers("dilations", rank, 1);
  const std::vector<int64_t> pads = attributes.integers("pads", 2 * rank, 0);
  const std::vector<int64_t> output_padding = attributes.integers("output_padding", rank, 0);
  const bool has_kernel = attributes.has("kernel_shape");
  const std::vector<int64_t> kernel = attributes.integers("kernel_shape", rank, 0);
  for (size_t a = 0; a < rank; ++a) {
    if (has_kernel && kernel[a] != weights[2 + a]) {
      fail(node, fmt::format("kernel_shape = {}: the weights W have shape {}", format_shape(kernel), format_shape(weights)));
    }
    d.axis[a].input = input[2 + a];
    d.axis[a].kernel = weights[2 + a];
    d.axis[a].stride = strides[a];
    d.axis[a].dilation = dilations[a];
    d.axis[a].pad_begin = pads[a];
    d.axis[a].pad_end = pads[rank + a];
    d.axis[a].output_padding = output_padding[a];
  }
  d.auto_pad = read_auto_pad(node, &attributes);
  if (attributes.has("output_shape")) {
    const std::vector<int64_t> sizes = read_output_shape(node, &attributes, d);
    for (size_t a = 0; a < rank; ++a) d.output_shape[a] = sizes[a];
  }
  attributes.finish();
  settle_short_axes(declared, &d);
  return d;
}

}  // namespace tools::graph
