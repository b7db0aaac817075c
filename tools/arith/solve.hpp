// From any sufficient set of numbers to the layers that have them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tconv/geometry.hpp"

namespace tools::arith {

// What is known of one axis. Without `output`, a missing stride or dilation is 1 and a missing padding 0. With `output`, everything
// missing (save the dilation, 1) is searched for.
struct AxisQuery {
  std::optional<int64_t> input, kernel, stride, dilation, pad_begin, pad_end, output_padding, output;
  tconv::AutoPad auto_pad = tconv::AutoPad::notset;  // with same_* and valid no padding may be given
};

// What is searched where a number is missing; padding up to d * (k - 1) at each end, output padding below the stride.
constexpr int64_t max_searched_kernel = 32;
constexpr int64_t max_searched_stride = 64;

// All layers of one axis with the given numbers, the ones people build first: outputs that are stride * input, small kernels,
// equally many taps for every output, the same padding at both ends, no output padding.
// Throws Error(bad_input) when a number is missing or impossible or the numbers contradict each other; the message names the
// relation that fails and what would fit. `name` ("axis[1].") goes before it.
std::vector<tconv::Axis> solve(const AxisQuery& query, const std::string& name);

}  // namespace tools::arith
