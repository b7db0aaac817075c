#include "tconv/geometry/convolution.hpp"

#include <algorithm>
#include <cinttypes>

#include "checked.hpp"
#include "geometry_internal.hpp"

namespace tconv {
namespace {

using internal::field_error;

Status check_fields(const ConvolutionAxis& c) {
  if (c.input < 1) return field_error("", "input", c.input, "must be at least 1");
  return internal::check_shared_fields("", c.kernel, c.stride, c.dilation, c.pad_begin, c.pad_end);
}

Status overflow_error() {
  return Status::error(StatusCode::overflow, "the padded input or the dilated kernel does not fit in 63 bits");
}

// i + p_begin + p_end - d * (k - 1) - 1: how far the kernel can slide, in input cells; not negative when ok.
Result<int64_t> slack(const ConvolutionAxis& c) {
  if (Status s = check_fields(c); !s.ok()) return s;
  const Checked extent = Checked(c.dilation) * (Checked(c.kernel) - 1) + 1;
  const Checked padded = Checked(c.input) + c.pad_begin + c.pad_end;
  const Checked room = padded - extent;
  if (room.overflowed()) return overflow_error();
  if (room.value() < 0) {
    return Status::error(StatusCode::invalid_argument,
                         "kernel does not fit: dilation * (kernel - 1) + 1 = %" PRId64
                         " is longer than input + pad_begin + pad_end = %" PRId64,
                         extent.value(), padded.value());
  }
  return room.value();
}

}  // namespace

Result<int64_t> convolution_output(const ConvolutionAxis& c) {
  const Result<int64_t> room = slack(c);
  if (!room.ok()) return room.status();
  return *room / c.stride + 1;
}

Result<int64_t> lost_remainder(const ConvolutionAxis& c) {
  const Result<int64_t> room = slack(c);
  if (!room.ok()) return room.status();
  return *room % c.stride;
}

Result<SizeRange> convolution_inputs_for(const ConvolutionAxis& c, int64_t output) {
  if (Status s = internal::check_shared_fields("", c.kernel, c.stride, c.dilation, c.pad_begin, c.pad_end); !s.ok()) return s;
  if (output < 1) return field_error("", "output", output, "must be at least 1");
  const Checked first = internal::reach(output, c.kernel, c.stride, c.dilation) - c.pad_begin - c.pad_end;
  const Checked last = first + c.stride - 1;
  if (last.overflowed()) return overflow_error();
  if (last.value() < 1) {
    // The smallest input, 1, already gives more.
    const Checked room = Checked(c.pad_begin) + c.pad_end - Checked(c.dilation) * (Checked(c.kernel) - 1);
    const Checked least = Checked(room.value() / c.stride) + 1;
    if (room.overflowed() || least.overflowed()) return overflow_error();
    return Status::error(StatusCode::invalid_argument,
                         "output = %" PRId64 ": no input size gives it; with this padding the smallest output is %" PRId64, output,
                         least.value());
  }
  return SizeRange{std::max<int64_t>(first.value(), 1), last.value()};
}

Status pad_convolution(AutoPad auto_pad, ConvolutionAxis* c) {
  if (Status s = check_fields(*c); !s.ok()) return s;
  if (auto_pad == AutoPad::notset) return {};
  const int64_t windows = ceil_div(c->input, c->stride);
  const Checked total = internal::reach(windows, c->kernel, c->stride, c->dilation) - c->input;
  if (total.overflowed()) return overflow_error();
  const int64_t cells = auto_pad == AutoPad::valid ? 0 : std::max<int64_t>(total.value(), 0);
  c->pad_begin = auto_pad == AutoPad::same_lower ? cells - cells / 2 : cells / 2;
  c->pad_end = cells - c->pad_begin;
  return {};
}

Result<Axis> transposed_partner(const ConvolutionAxis& c) {
  const Result<int64_t> output = convolution_output(c);
  if (!output.ok()) return output.status();
  Axis axis;
  axis.input = *output;
  axis.kernel = c.kernel;
  axis.stride = c.stride;
  axis.dilation = c.dilation;
  axis.pad_begin = c.pad_begin;
  axis.pad_end = c.pad_end;
  axis.output_padding = *lost_remainder(c);
  return axis;
}

Result<ConvolutionAxis> convolution_partner(const Axis& axis) {
  int64_t output = 0;
  if (Status s = output_size(axis, "", &output); !s.ok()) return s;
  ConvolutionAxis c;
  c.input = output;
  c.kernel = axis.kernel;
  c.stride = axis.stride;
  c.dilation = axis.dilation;
  c.pad_begin = axis.pad_begin;
  c.pad_end = axis.pad_end;
  return c;
}

}  // namespace tconv
