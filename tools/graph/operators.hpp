// From ONNX nodes to what the library computes: one function per operator, no graph around it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tconv/conv_transpose.hpp"
#include "tools/onnx/model.hpp"

namespace tools::graph {

using Shape = std::vector<int64_t>;

// ConvTranspose, every attribute (opset 1 and 11). `input` is X's shape [N, C, spatial...], `weights` W's
// [C, M / group, kernel...]. The library validates what it can: this reads attributes and compares shapes.
// `declared`: the shape that the model gives the result (-1 where unknown), or nullptr.
tconv::Description conv_transpose_description(const onnx::Node& node, const Shape& input, const Shape& weights,
                                              const Shape* declared);

// Conv with stride 1 as a transposed convolution (convolution_node.cpp says how). `description` and `weights` are the latter's;
// `zeros` are cells that have to be put around the input before: begin and end of every dimension, as in Pad.
struct Convolution {
  tconv::Description description;
  std::vector<float> weights;
  std::vector<int64_t> zeros;
  bool has_zeros = false;
};
Convolution read_convolution(const onnx::Node& node, const Shape& input, const Tensor& weights);

// What Pad does: cells before the begin and after the end of every dimension (first all begins, then all ends).
enum class PadMode : uint8_t { constant, edge, reflect };
struct Padding {
  std::vector<int64_t> pads;
  PadMode mode = PadMode::constant;
  float value = 0.0f;
};

// An element-wise operator: Relu, LeakyRelu, PRelu, Sigmoid, Tanh, Clip, Elu.
bool is_activation(const std::string& op);
struct ActivationSpec {
  tconv::Activation activation;  // slopes is left null
  std::vector<float> slopes;     // of prelu: one per channel
  // 0: slopes go with dimension 1. Else with the elements of the last so many dimensions.
  size_t slope_dimensions = 0;
};
// `constants`: the node's inputs after the first (null where left out). `shape` is that of the first input.
ActivationSpec read_activation(const onnx::Node& node, int64_t opset, const Shape& shape,
                               const std::vector<const Tensor*>& constants);

// BatchNormalization at inference as y = factor * x + offset, per channel, in double precision.
struct ChannelAffine {
  std::vector<double> factor;
  std::vector<double> offset;
};
struct BatchNormSpec {
  const Tensor* scale;
  const Tensor* shift;
  const Tensor* mean;
  const Tensor* variance;
  float epsilon;
};
BatchNormSpec read_batch_norm(const onnx::Node& node, int64_t opset, int64_t channels, const std::vector<const Tensor*>& constants);
ChannelAffine channel_affine(const BatchNormSpec& norm);

// The value per channel (or one for all) that adding `constant` to a tensor of `shape` means; nothing when it varies along other
// axes, or would make the result larger. opset < 7: the node's own axis / broadcast attributes say which axis.
std::optional<std::vector<float>> per_channel_constant(const Shape& shape, const Tensor& constant);

// Shape of `constant` brought to the numpy rules that Add follows since opset 7: axis and broadcast of older models appended as
// trailing ones.
Shape add_operand_shape(const onnx::Node& node, int64_t opset, const Shape& first, const Shape& second);

// Result of numpy broadcasting; nothing when the shapes do not fit.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

// The value of a Constant node.
Tensor read_constant(const onnx::Node& node);

}  // namespace tools::graph
