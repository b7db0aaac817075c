#include "tools/arith/advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

// web/twin.js says the same in the same words; the test of the twin compares them.

namespace tools::arith {
namespace {

std::string plural(int64_t n, const char* thing) { return fmt::format("{} {}{}", n, thing, n == 1 ? "" : "s"); }

void warn_about_overlap(const tconv::Axis& a, int axis, std::vector<Warning>* warnings) {
  const int64_t g = std::gcd(a.dilation, a.stride);
  const int64_t period = a.stride / g;
  const int64_t dead = a.stride - std::min(a.kernel, period);
  if (a.kernel > period && a.kernel % period != 0) {
    const int64_t fewest = a.kernel / period;
    const std::string of =
        g == 1 ? fmt::format("stride = {}", a.stride) : fmt::format("stride / gcd(stride, dilation) = {}", period);
    warnings->push_back({"uneven_overlap", axis,
                         fmt::format("kernel = {} is not a multiple of {}: outputs get {} or {} taps in turn, which draws a "
                                     "checkerboard; kernel = {} or {} is even",
                                     a.kernel, of, fewest, fewest + 1, fewest * period, fewest * period + period)});
  }
  if (dead > 0) {
    const std::string why = a.kernel < period
                                ? fmt::format("kernel = {} is smaller than stride = {}", a.kernel, a.stride)
                                : fmt::format("dilation = {} and stride = {} share the factor {}", a.dilation, a.stride, g);
    warnings->push_back(
        {"gaps", axis,
         fmt::format("{}: {} of every {} outputs {} the bias alone", why, dead, a.stride, dead == 1 ? "gets" : "get")});
  }
}

void warn_about_padding(const tconv::Axis& a, int axis, std::vector<Warning>* warnings) {
  const int64_t full = a.dilation * (a.kernel - 1);
  if (a.pad_begin > full) {
    warnings->push_back(
        {"padding_beyond_kernel", axis,
         fmt::format("pad_begin = {} is larger than dilation * (kernel - 1) = {}: the first input reaches no output", a.pad_begin,
                     full)});
  }
  if (a.pad_end - a.output_padding > full) {
    warnings->push_back({"padding_beyond_kernel", axis,
                         fmt::format("pad_end - output_padding = {} is larger than dilation * (kernel - 1) = {}: the last input "
                                     "reaches no output",
                                     a.pad_end - a.output_padding, full)});
  }
  if (a.output_padding > a.pad_end) {
    warnings->push_back({"empty_output_padding", axis,
                         fmt::format("output_padding = {} is larger than pad_end = {}: the bias alone fills the end, {}",
                                     a.output_padding, a.pad_end, plural(a.output_padding - a.pad_end, "output"))});
  }
  if (a.output_padding >= a.stride) {
    warnings->push_back(
        {"output_padding_not_below_stride", axis,
         fmt::format("output_padding = {} is not below stride = {}: PyTorch takes it, onnxruntime and Keras refuse it",
                     a.output_padding, a.stride)});
  }
}

}  // namespace

std::vector<Warning> warnings_of(const Layer& layer) {
  std::vector<Warning> warnings;
  for (int axis = 0; axis < layer.rank(); ++axis) {
    const tconv::Axis& a = layer.axes[static_cast<size_t>(axis)];
    warn_about_overlap(a, axis, &warnings);
    warn_about_padding(a, axis, &warnings);
    if (layer.convolution.empty()) continue;
    const tconv::ConvolutionAxis& c = layer.convolution[static_cast<size_t>(axis)];
    const int64_t remainder = value_of(tconv::lost_remainder(c));
    if (remainder != a.output_padding) {
      warnings.push_back({"remainder_lost", axis,
                          fmt::format("the convolution leaves (i + p_begin + p_end - d * (k - 1) - 1) mod s = {} unread: "
                                      "output_padding = {} comes back to {}, not to {}; output_padding = {} would",
                                      plural(remainder, "input cell"), a.output_padding, output_of(a), c.input, remainder)});
    }
  }
  return warnings;
}

}  // namespace tools::arith
