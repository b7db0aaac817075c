// A layer as `tconv arith` talks about it: valid axes, and the channels that only the spellings of frameworks need.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tconv/geometry.hpp"
#include "tools/support/error.hpp"

namespace tools::arith {

struct Layer {
  std::vector<tconv::Axis> axes;  // 1 to 3, outermost first; each passes output_size()
  int64_t batch = 1;
  int64_t in_channels = 1;
  int64_t out_channels = 1;
  int64_t groups = 1;
  // The ordinary convolution that the layer was asked to run backwards, one per axis; empty when the layer itself was given.
  std::vector<tconv::ConvolutionAxis> convolution;

  int rank() const { return static_cast<int>(axes.size()); }
  // Pairs of an input and an output channel over the batch: what the counts of one pair are multiplied by.
  int64_t channel_pairs() const { return batch * in_channels * (out_channels / groups); }
};

// The value of a result. Throws Error(bad_input) with its message when there is none: sizes next to 2^63.
template <typename T>
T value_of(const tconv::Result<T>& result) {
  if (!result.ok()) throw Error(ExitCode::bad_input, result.status().message());
  return result.value();
}

// Output size of one axis. Throws Error(bad_input) when it is not valid.
int64_t output_of(const tconv::Axis& axis);

}  // namespace tools::arith
