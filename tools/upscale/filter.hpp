// The classical resampling filters as the weights of a transposed convolution.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tools::upscale {

enum class Filter : uint8_t { bilinear, bicubic, lanczos3 };

const char* filter_name(Filter filter);
bool filter_from_name(const std::string& name, Filter* filter);

// Half the width of the kernel in input samples: 1, 2, 3.
int filter_radius(Filter filter);

// The continuous kernel at distance x from its centre, in input samples:
//   bilinear   1 - |x|
//   bicubic    Keys' cubic convolution with a = -1/2 ("Cubic convolution interpolation for digital image processing", 1981)
//   lanczos3   sinc(x) sinc(x / 3), sinc(x) = sin(pi x) / (pi x)
double filter_value(Filter filter, double x);

// One axis. Output o lies at (o + 1/2) / s - 1/2 on the input's axis, so with o + pad = s * i + t the distance to input i is
//     (t - (k - 1) / 2) / s,     pad = (k - s) / 2,
// with k = 2 s radius taps for even s and one less for odd s (whose outermost tap would be 0). The taps of each of the s phases
// are scaled to sum to 1: constant pictures stay constant.
struct AxisFilter {
  int64_t pad;
  std::vector<double> taps;
};
AxisFilter axis_filter(Filter filter, int scale);

}  // namespace tools::upscale
