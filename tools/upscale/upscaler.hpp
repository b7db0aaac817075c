// A picture made larger by one depthwise transposed convolution: stride = scale, kernel = the filter, groups = channels.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tconv/conv_transpose.hpp"
#include "tools/io/png.hpp"
#include "tools/support/parallel_for.hpp"
#include "tools/upscale/filter.hpp"

namespace tools::upscale {

struct Settings {
  int scale = 2;
  Filter filter = Filter::lanczos3;
  bool linear_light = false;
  tconv::Options options;
  // The picture is worked on in strips of this many input rows, which bounds the memory; the result does not depend on it.
  int64_t strip_rows = 64;
};

// The layer for an input of `rows` x `columns`, radius cells of replicated border included, whose share of the output is cropped.
tconv::Description layer(const Settings& settings, int channels, int64_t rows, int64_t columns);
// [channels, 1, k, k]: the product of the two axes' taps, rounded once.
std::vector<float> weights(const Settings& settings, int channels);

class Upscaler {
 public:
  // Throws Error(bad_input) when the picture is too large.
  Upscaler(const Picture& picture, const Settings& settings);

  // Calls `row(y, samples)` for every output row in order, and `progress(rows)` after each strip.
  void run(ThreadPool* pool, const std::function<void(const uint16_t* samples)>& row,
           const std::function<void(int64_t)>& progress) const;

  int64_t width() const { return picture_.width * settings_.scale; }
  int64_t height() const { return picture_.height * settings_.scale; }
  const tconv::ConvTranspose& op() const { return op_; }

 private:
  const Picture& picture_;
  Settings settings_;
  int radius_;
  int64_t strip_;
  tconv::ConvTranspose op_;
};

}  // namespace tools::upscale
