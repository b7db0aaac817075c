#include "tconv/geometry.hpp"

#include <algorithm>
#include <cinttypes>
#include <numeric>

#include "checked.hpp"
#include "geometry_internal.hpp"

namespace tconv {
namespace {

Status field_error(const char* name, const char* field, int64_t value, const char* rule) {
  return Status::error(StatusCode::invalid_argument, "%s%s = %" PRId64 ": %s", name, field, value, rule);
}

// Output size before cropping, without the rule on output_padding.
Checked uncropped_output(const Axis& a) {
  return Checked(a.stride) * (Checked(a.input) - 1) + Checked(a.dilation) * (Checked(a.kernel) - 1) + 1 + a.output_padding;
}

Status check_fields(const Axis& a, const char* name) {
  if (a.input < 1) return field_error(name, "input", a.input, "must be at least 1");
  if (a.kernel < 1) return field_error(name, "kernel", a.kernel, "must be at least 1");
  if (a.stride < 1) return field_error(name, "stride", a.stride, "must be at least 1");
  if (a.dilation < 1) return field_error(name, "dilation", a.dilation, "must be at least 1");
  if (a.pad_begin < 0) return field_error(name, "pad_begin", a.pad_begin, "must not be negative");
  if (a.pad_end < 0) return field_error(name, "pad_end", a.pad_end, "must not be negative");
  if (a.output_padding < 0) return field_error(name, "output_padding", a.output_padding, "must not be negative");
  return {};
}

Status overflow_error(const char* name) {
  return Status::error(StatusCode::overflow,
                       "%soutput size stride * (input - 1) + dilation * (kernel - 1) + 1 does not fit in 63 bits", name);
}

}  // namespace

namespace internal {

Status cropped_output_size(const Axis& axis, const char* name, int64_t* size) {
  if (Status s = check_fields(axis, name); !s.ok()) return s;
  const Checked o = uncropped_output(axis) - axis.pad_begin - axis.pad_end;
  if (o.overflowed()) return overflow_error(name);
  if (o.value() < 1) {
    return Status::error(StatusCode::invalid_argument,
                         "%spadding leaves no output: pad_begin + pad_end = %" PRId64 " + %" PRId64
                         ", uncropped output is %" PRId64,
                         name, axis.pad_begin, axis.pad_end, uncropped_output(axis).value());
  }
  *size = o.value();
  return {};
}

}  // namespace internal

Status output_size(const Axis& axis, const char* name, int64_t* size) {
  if (Status s = check_fields(axis, name); !s.ok()) return s;
  const int64_t limit = std::max(axis.stride, axis.dilation);
  if (axis.output_padding >= limit) {
    return Status::error(StatusCode::invalid_argument,
                         "%soutput_padding = %" PRId64 ": must be smaller than max(stride, dilation) = %" PRId64, name,
                         axis.output_padding, limit);
  }
  return internal::cropped_output_size(axis, name, size);
}

Status resolve_padding(AutoPad auto_pad, int64_t wanted_output, const char* name, Axis* axis) {
  if (Status s = check_fields(*axis, name); !s.ok()) return s;
  if (wanted_output < 0) return field_error(name, "output_shape", wanted_output, "must be at least 1");
  if (wanted_output == 0) {
    if (auto_pad == AutoPad::notset) return {};
    if (auto_pad == AutoPad::valid) {
      axis->pad_begin = axis->pad_end = 0;
      return {};
    }
    const Checked same = Checked(axis->stride) * axis->input;
    if (same.overflowed()) return overflow_error(name);
    wanted_output = same.value();
  }
  const Checked natural = uncropped_output(*axis);
  if (natural.overflowed()) return overflow_error(name);
  const int64_t total = natural.value() - wanted_output;
  if (total < 0) {
    axis->pad_begin = axis->pad_end = 0;
    axis->output_padding -= total;
    return {};
  }
  const int64_t smaller = total / 2;
  const bool extra_at_end = auto_pad == AutoPad::same_upper;
  axis->pad_begin = extra_at_end ? smaller : total - smaller;
  axis->pad_end = total - axis->pad_begin;
  return {};
}

EquivalentConvolution equivalent_convolution(const Axis& a) {
  const int64_t full = a.dilation * (a.kernel - 1);
  return {
      a.kernel, 1, a.dilation, full - a.pad_begin, full - a.pad_end + a.output_padding, a.stride - 1, a.stride * (a.input - 1) + 1};
}

Phase phase_of(const Axis& a, int64_t index) {
  const int64_t g = std::gcd(a.dilation, a.stride);
  Phase phase{index, 0, 0, a.stride / g, 0, a.dilation / g, 0, 0};
  int64_t output = 0;
  if (!internal::cropped_output_size(a, "", &output).ok()) return phase;
  phase.q_begin = ceil_div(a.pad_begin - index, a.stride);
  phase.q_end = std::max(phase.q_begin, floor_div(output - 1 + a.pad_begin - index, a.stride) + 1);
  // Taps with d * t = index (mod s) repeat every s / g; the first of them, if any, is below s / g.
  for (int64_t t = 0; t < std::min(a.kernel, phase.tap_step); ++t) {
    if ((a.dilation * t - index) % a.stride == 0) {
      phase.first_tap = t;
      phase.taps = (a.kernel - 1 - t) / phase.tap_step + 1;
      phase.input_offset = (a.dilation * t - index) / a.stride;
      break;
    }
  }
  return phase;
}

}  // namespace tconv
