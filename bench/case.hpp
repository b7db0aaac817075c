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

// Which variants of Winograd's minimal filtering our operator may use (tconv::WinogradAccuracy; older libraries have no such type).
enum class WinogradClass : uint8_t { off, strict, standard };
const char* winograd_name(WinogradClass winograd);
bool winograd_from_name(const std::string& name, WinogradClass* winograd);

// How far a right result may lie from the definition.
enum class Accuracy : uint8_t { direct, winograd_strict, winograd_standard };

struct Case {
  // Throws std::bad_alloc. Values are uniform in [-1, 1), the same on every machine.
  explicit Case(const Layer& layer);

  // Compares a whole output tensor with the sample and looks for elements that were never written (they were NaN before).
  // "" when it is right, else one line with the first wrong element.
  std::string check(const float* output, Layout layout, Accuracy accuracy) const;

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
    double tolerance;  // of a direct algorithm
  };
  std::vector<Sample> sample;
  // The largest error that a right result may have at a place of the sample. Values are drawn independently with mean 0, so the
  // roundings of a sum of n products p walk at random: partial sums are about q = sqrt(sum p^2), each addition errs by at most
  // epsilon / 2 times that, and n of them by epsilon sqrt(n) q / sqrt(24) (standard deviation; Higham, Accuracy and Stability of
  // Numerical Algorithms, 4.5). Direct algorithms in any order: twenty times that, 4 epsilon sqrt(n) q. One wrong tap is off by
  // about q / sqrt(n). Winograd's errors at one output stem from a whole tile, so they do not shrink at borders:
  //   strict     1.25 times what a direct algorithm may err where all taps hit (its class)
  //   standard   5e-5 of the output's root mean square, the class's bound for normally distributed data, times 2 for these
  double tolerance(const Sample& s, Accuracy accuracy) const;

 private:
  void draw_sample();
  double output_rms_ = 0, largest_tolerance_ = 0;
};

}  // namespace tconv::bench
