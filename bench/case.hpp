// One layer with data: tensors in both layouts, and a sample of correct outputs to check every contestant against.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/layers.hpp"

namespace tconv::bench {

// float storage on a cache-line boundary, so that no contestant is slowed by split lines.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(int64_t count, float value = 0);
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();
  float* data() { return data_; }
  const float* data() const { return data_; }
  int64_t size() const { return size_; }
  void fill(float value);

 private:
  float* data_ = nullptr;
  int64_t size_ = 0;
};

struct Case {
  // Throws std::bad_alloc. Values are uniform in [-1, 1), the same on every machine.
  explicit Case(const Layer& layer);

  // Compares a whole output tensor with the sample and looks for elements that were never written (they were NaN before).
  // "" when it is right, else one line with the first wrong element.
  std::string check(const float* output, Layout layout) const;

  int64_t channels_per_group_in() const { return layer.description.in_channels / layer.description.groups; }
  int64_t channels_per_group_out() const { return layer.description.out_channels / layer.description.groups; }

  Layer layer;
  Geometry geometry;                            // dense NCHW
  int64_t input_pixels = 0, output_pixels = 0;  // of one image and channel
  Buffer input_nchw, input_nhwc;
  Buffer weights;  // [in_channels][out_channels / groups][taps], as ONNX and PyTorch have them
  Buffer bias;     // [out_channels]; zeros where the layer has none
  const float* bias_or_null() const { return layer.bias ? bias.data() : nullptr; }

  // Outputs computed from the definition in double precision: y = bias + sum over the taps that hit an input.
  struct Sample {
    int64_t image, channel, pixel;  // pixel: d, h, w flattened
    double value;
    double tolerance;
  };
  std::vector<Sample> sample;
};

}  // namespace tconv::bench
