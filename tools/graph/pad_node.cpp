// ONNX Pad: cells added around a tensor (or cut off where a pad is negative), with a constant, the edge repeated, or a reflection.
#include <fmt/format.h>

#include <algorithm>

#include "tools/graph/attributes.hpp"
#include "tools/graph/compiler.hpp"
#include "tools/support/text.hpp"

namespace tools::graph {
namespace {

// Along one dimension: for every index of the result the index it is copied from, -1 for the constant. What negative pads cut off
// is gone before anything is repeated or reflected.
std::vector<int64_t> source_indices(int64_t size, int64_t begin, int64_t end, PadMode mode) {
  const int64_t first = std::max<int64_t>(-begin, 0);
  const int64_t last = size - 1 - std::max<int64_t>(-end, 0);
  std::vector<int64_t> result;
  for (int64_t i = -begin; i < size + end; ++i) {
    int64_t from = i;
    if (i < first || i > last) {
      switch (mode) {
        case PadMode::constant:
          from = -1;
          break;
        case PadMode::edge:
          from = std::clamp(i, first, last);
          break;
        case PadMode::reflect:
          from = i < first ? 2 * first - i : 2 * last - i;
          break;
      }
    }
    result.push_back(from);
  }
  return result;
}

class PadStep : public Step {
 public:
  PadStep(std::string label, size_t input, Shape shape, const Padding& padding, size_t output)
      : Step(std::move(label), output), input_(input), shape_(std::move(shape)), value_(padding.value), begin_(padding.pads) {
    const size_t rank = shape_.size();
    for (size_t a = 0; a < rank; ++a) {
      sources_.push_back(source_indices(shape_[a], padding.pads[a], padding.pads[rank + a], padding.mode));
    }
  }

  std::vector<size_t> inputs() const override { return {input_}; }

  Interval sources(int axis, Interval outputs) const override {
    const size_t a = shape_.size() - 2 + static_cast<size_t>(axis);
    return {outputs.first - begin_[a], outputs.last - begin_[a]};
  }

  void run(Context& context) const override {
    const Value& x = context.values[input_];
    Value& y = context.values[output()];
    copy(0, x.tensor.data.data(), y.tensor.data.data(), value_);
    if (context.track_error) {
      y.error.clear();
      if (!x.error.empty()) {
        y.error.resize(y.count());
        copy(0, x.error.data(), y.error.data(), 0.0f);
      }
    }
  }

 private:
  // Copies the block below dimension `axis`; returns the end of what it wrote.
  float* copy(size_t axis, const float* x, float* y, float value) const {
    if (axis == sources_.size()) {
      *y = *x;
      return y + 1;
    }
    int64_t inner = 1;
    int64_t block = 1;
    for (size_t a = axis + 1; a < sources_.size(); ++a) {
      inner *= shape_[a];
      block *= static_cast<int64_t>(sources_[a].size());
    }
    for (size_t i = 0; i < sources_[axis].size(); ++i) {
      const int64_t from = sources_[axis][i];
      if (from < 0) {
        y = std::fill_n(y, block, value);
      } else if (axis + 1 == sources_.size()) {
        *y++ = x[from];
      } else {
        y = copy(axis + 1, x + from * inner, y, value);
      }
    }
    return y;
  }

  size_t input_;
  Shape shape_;
  float value_;
  std::vector<int64_t> begin_;
  std::vector<std::vector<int64_t>> sources_;
};

}  // namespace

size_t Compiler::add_pad(const std::string& label, const std::string& result, size_t input, const Padding& padding) {
  const Shape shape = program_.values_[input].tensor.shape;
  Shape padded = shape;
  for (size_t a = 0; a < shape.size(); ++a) padded[a] += padding.pads[a] + padding.pads[shape.size() + a];
  const size_t output = add_computed(result, label, padded);
  program_.steps_.push_back(std::make_unique<PadStep>(label, input, shape, padding, output));
  return output;
}

void Compiler::pad(const onnx::Node& node) {
  const size_t input = value_of(node, 0);
  const Shape shape = program_.values_[input].tensor.shape;
  const size_t rank = shape.size();
  Attributes attributes(node);
  Padding padding;

  const std::string mode = attributes.text("mode", "constant");
  if (mode == "edge") {
    padding.mode = PadMode::edge;
  } else if (mode == "reflect") {
    padding.mode = PadMode::reflect;
  } else if (mode != "constant") {
    fail(node, fmt::format("mode = '{}': constant, edge and reflect are supported", mode));
  }

  // Up to opset 10 the pads and the constant are attributes, then inputs; opset 18 added the axes that the pads are for.
  std::vector<int64_t> pads;
  std::vector<int64_t> axes;
  if (model_.opset < 11) {
    pads = attributes.integers(model_.opset < 2 ? "paddings" : "pads", 0, 0);
    padding.value = attributes.real("value", 0.0f);
  } else {
    pads = integers_of(node, 1);
    if (const Tensor* value = parameter(node, 2); value != nullptr) {
      if (value->data.size() != 1)
        fail(node, fmt::format("constant_value has shape {}: must be one number", format_shape(value->shape)));
      padding.value = value->data[0];
    }
    if (node.inputs.size() > 3 && !node.inputs[3].empty()) axes = integers_of(node, 3);
  }
  attributes.finish();
  if (axes.empty()) {
    for (size_t a = 0; a < rank; ++a) axes.push_back(static_cast<int64_t>(a));
  }
  if (pads.size() != 2 * axes.size()) fail(node, fmt::format("pads: has {} values, must have {}", pads.size(), 2 * axes.size()));

  padding.pads.assign(2 * rank, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = axes[i] < 0 ? axes[i] + static_cast<int64_t>(rank) : axes[i];
    if (axis < 0 || axis >= static_cast<int64_t>(rank)) {
      fail(node, fmt::format("axes = {}: the input has {} dimensions", format_shape(axes), rank));
    }
    padding.pads[static_cast<size_t>(axis)] = pads[i];
    padding.pads[rank + static_cast<size_t>(axis)] = pads[axes.size() + i];
  }
  for (size_t a = 0; a < rank; ++a) {
    const int64_t begin = padding.pads[a];
    const int64_t end = padding.pads[rank + a];
    constexpr int64_t limit = int64_t{1} << 40;
    if (begin < -limit || begin > limit || end < -limit || end > limit) {
      fail(node, fmt::format("pads = {}: too large", format_shape(pads)));
    }
    const int64_t kept = shape[a] + std::min<int64_t>(begin, 0) + std::min<int64_t>(end, 0);
    if (kept < 1) fail(node, fmt::format("pads = {}: nothing is left of dimension {} of size {}", format_shape(pads), a, shape[a]));
    if (padding.mode == PadMode::reflect && std::max(begin, end) >= kept) {
      fail(node, fmt::format("pads = {}: a reflection of {} cells needs more than the {} of dimension {}", format_shape(pads),
                             std::max(begin, end), kept, a));
    }
  }
  add_pad(node.label, node.outputs[0], input, padding);
}

}  // namespace tools::graph
