#include "tconv/geometry.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "checked.hpp"
#include "geometry_internal.hpp"

namespace tconv {
namespace internal {

Status field_error(const char* name, const char* field, int64_t value, const char* rule) {
  return Status::error(StatusCode::invalid_argument, "%s%s = %" PRId64 ": %s", name, field, value, rule);
}

Status check_shared_fields(const char* name, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad_begin, int64_t pad_end) {
  if (kernel < 1) return field_error(name, "kernel", kernel, "must be at least 1");
  if (stride < 1) return field_error(name, "stride", stride, "must be at least 1");
  if (dilation < 1) return field_error(name, "dilation", dilation, "must be at least 1");
  if (pad_begin < 0) return field_error(name, "pad_begin", pad_begin, "must not be negative");
  if (pad_end < 0) return field_error(name, "pad_end", pad_end, "must not be negative");
  return {};
}

Checked reach(int64_t input, int64_t kernel, int64_t stride, int64_t dilation) {
  return Checked(stride) * (Checked(input) - 1) + Checked(dilation) * (Checked(kernel) - 1) + 1;
}

}  // namespace internal

namespace {

using internal::field_error;

// Output size before cropping, without the rule on output_padding.
Checked uncropped_output(const Axis& a) { return internal::reach(a.input, a.kernel, a.stride, a.dilation) + a.output_padding; }

Status check_fields(const Axis& a, const char* name) {
  if (a.input < 1) return field_error(name, "input", a.input, "must be at least 1");
  if (Status s = internal::check_shared_fields(name, a.kernel, a.stride, a.dilation, a.pad_begin, a.pad_end); !s.ok()) return s;
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
  const Checked uncropped = uncropped_output(axis);
  const Checked o = uncropped - axis.pad_begin - axis.pad_end;
  if (o.overflowed()) return overflow_error(name);
  if (o.value() < 1) {
    return Status::error(StatusCode::invalid_argument,
                         "%spadding leaves no output: pad_begin + pad_end = %" PRId64 " + %" PRId64 ", uncropped output is %" PRId64
                         ", so they may cut off at most %" PRId64,
                         name, axis.pad_begin, axis.pad_end, uncropped.value(), uncropped.value() - 1);
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

Status output_sizes(const Axis* axes, int rank, int64_t* sizes) {
  char name[32];
  int64_t size = 0;
  for (int a = 0; a < rank; ++a) {
    std::snprintf(name, sizeof name, "axis[%d].", a);
    if (Status s = output_size(axes[a], name, &size); !s.ok()) return s;
  }
  for (int a = 0; a < rank; ++a) {
    if (Status s = output_size(axes[a], "", &sizes[a]); !s.ok()) return s;
  }
  return {};
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

Result<SizeRange> inputs_for(const Axis& a, int64_t output) {
  if (Status s = internal::check_shared_fields("", a.kernel, a.stride, a.dilation, a.pad_begin, a.pad_end); !s.ok()) return s;
  if (output < 1) return field_error("", "output", output, "must be at least 1");
  const Checked smallest = internal::reach(1, a.kernel, a.stride, a.dilation) - a.pad_begin - a.pad_end;
  const Checked above = Checked(output) - smallest;
  const int64_t limit = std::max(a.stride, a.dilation);
  const Checked lowest = above - limit + 1;
  if (lowest.overflowed()) return overflow_error("");
  if (above.value() < 0) {
    return Status::error(StatusCode::invalid_argument,
                         "output = %" PRId64
                         ": no input size gives it; the smallest output, dilation * (kernel - 1) + 1 - pad_begin - pad_end, is "
                         "%" PRId64,
                         output, smallest.value());
  }
  const Checked last = Checked(floor_div(above.value(), a.stride)) + 1;
  if (last.overflowed()) return overflow_error("");
  return SizeRange{std::max<int64_t>(ceil_div(lowest.value(), a.stride) + 1, 1), last.value()};
}

Result<int64_t> output_padding_for(const Axis& axis, int64_t output) {
  Axis a = axis;
  a.output_padding = 0;
  if (Status s = check_fields(a, ""); !s.ok()) return s;
  if (output < 1) return field_error("", "output", output, "must be at least 1");
  const Checked natural = uncropped_output(a) - a.pad_begin - a.pad_end;
  const Checked needed = Checked(output) - natural;
  if (needed.overflowed()) return overflow_error("");
  const int64_t limit = std::max(a.stride, a.dilation);
  if (needed.value() >= 0 && needed.value() < limit) return needed.value();
  const Checked highest = natural + limit - 1;
  if (highest.overflowed()) return overflow_error("");
  const Result<SizeRange> inputs = inputs_for(a, output);
  if (!inputs.ok()) return inputs.status();
  return Status::error(StatusCode::invalid_argument,
                       "output = %" PRId64 ": input = %" PRId64
                       " gives stride * (input - 1) + dilation * (kernel - 1) + 1 - pad_begin - pad_end = %" PRId64
                       ", up to %" PRId64 " with output_padding; input = %" PRId64 " would fit",
                       output, a.input, natural.value(), highest.value(), inputs->last);
}

}  // namespace tconv
