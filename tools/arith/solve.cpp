#include "tools/arith/solve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "tools/arith/layer.hpp"
#include "tools/support/error.hpp"

namespace tools::arith {
namespace {

using tconv::Axis;

[[noreturn]] void fail(const std::string& name, const std::string& message) { throw Error(ExitCode::bad_input, name + message); }

void require_at_least(const std::string& name, const char* field, const std::optional<int64_t>& value, int64_t least) {
  if (value && *value < least) {
    fail(name, least == 0 ? fmt::format("{} = {}: must not be negative", field, *value)
                          : fmt::format("{} = {}: must be at least {}", field, *value, least));
  }
}

void check_given(const AxisQuery& q, const std::string& name) {
  require_at_least(name, "input", q.input, 1);
  require_at_least(name, "kernel", q.kernel, 1);
  require_at_least(name, "stride", q.stride, 1);
  require_at_least(name, "dilation", q.dilation, 1);
  require_at_least(name, "pad_begin", q.pad_begin, 0);
  require_at_least(name, "pad_end", q.pad_end, 0);
  require_at_least(name, "output_padding", q.output_padding, 0);
  require_at_least(name, "output", q.output, 1);
  if (q.stride && q.output_padding) {
    const int64_t limit = std::max(*q.stride, q.dilation.value_or(1));
    if (*q.output_padding >= limit) {
      fail(name, fmt::format("output_padding = {}: must be smaller than max(stride, dilation) = {}", *q.output_padding, limit));
    }
  }
}

// All numbers but the output are known (or have their defaults).
Axis solve_forwards(const AxisQuery& q, const std::string& name) {
  if (!q.input) fail(name, "input is not given: give it, or the output to search from");
  if (!q.kernel) fail(name, "kernel is not given: give it, or the output to search from");
  Axis axis{*q.input,
            *q.kernel,
            q.stride.value_or(1),
            q.dilation.value_or(1),
            q.pad_begin.value_or(0),
            q.pad_end.value_or(0),
            q.output_padding.value_or(0)};
  if (const tconv::Status s = tconv::resolve_padding(q.auto_pad, 0, name.c_str(), &axis); !s.ok()) {
    throw Error(ExitCode::bad_input, s.message());
  }
  int64_t size = 0;
  if (const tconv::Status s = tconv::output_size(axis, name.c_str(), &size); !s.ok()) throw Error(ExitCode::bad_input, s.message());
  return axis;
}

// Takes the axis into the list when it is the wanted layer.
void keep_if_it_fits(const AxisQuery& q, const Axis& axis, std::vector<Axis>* fits) {
  int64_t size = 0;
  if (tconv::output_size(axis, "", &size).ok() && size == *q.output) fits->push_back(axis);
}

// Kernel, stride, dilation and input are chosen; the padding is what is given or searched, the output padding follows.
void try_paddings(const AxisQuery& q, Axis axis, std::vector<Axis>* fits) {
  const int64_t op_end = q.output_padding ? *q.output_padding + 1 : std::max(axis.stride, q.output_padding.value_or(0) + 1);
  const tconv::Result<tconv::ConvolutionAxis> reached =
      tconv::convolution_partner(Axis{axis.input, axis.kernel, axis.stride, axis.dilation, 0, 0, 0});
  if (!reached.ok()) return;  // too large for 63 bits
  const int64_t uncropped = reached->input;
  if (q.auto_pad != tconv::AutoPad::notset) {
    for (int64_t op = q.output_padding.value_or(0); op < op_end; ++op) {
      axis.output_padding = op;
      if (tconv::resolve_padding(q.auto_pad, 0, "", &axis).ok()) keep_if_it_fits(q, axis, fits);
    }
    return;
  }
  if (q.pad_begin && q.pad_end) {
    axis.pad_begin = *q.pad_begin;
    axis.pad_end = *q.pad_end;
    const tconv::Result<int64_t> op = tconv::output_padding_for(axis, *q.output);
    if (!op.ok() || (q.output_padding && *q.output_padding != *op)) return;
    axis.output_padding = *op;
    keep_if_it_fits(q, axis, fits);
    return;
  }
  // total = uncropped + op - output cells are cut off; evenly, or with the odd one at either end.
  const int64_t full = axis.dilation * (axis.kernel - 1);
  for (int64_t op = q.output_padding.value_or(0); op < op_end; ++op) {
    const int64_t total = uncropped + op - *q.output;
    if (total < 0 || (total + 1) / 2 > full) continue;
    axis.output_padding = op;
    axis.pad_begin = total / 2;
    axis.pad_end = total - axis.pad_begin;
    keep_if_it_fits(q, axis, fits);
    if (total % 2 == 1) {
      std::swap(axis.pad_begin, axis.pad_end);
      keep_if_it_fits(q, axis, fits);
    }
  }
}

void search(const AxisQuery& q, std::vector<Axis>* fits) {
  const auto range = [](const std::optional<int64_t>& value, int64_t last) {
    return value ? std::pair(*value, *value) : std::pair(int64_t{1}, last);
  };
  const auto [first_kernel, last_kernel] = range(q.kernel, max_searched_kernel);
  const auto [first_stride, last_stride] = range(q.stride, max_searched_stride);
  for (int64_t k = first_kernel; k <= last_kernel; ++k) {
    for (int64_t s = first_stride; s <= last_stride; ++s) {
      Axis axis{1, k, s, q.dilation.value_or(1), 0, 0, 0};
      if (q.input) {
        axis.input = *q.input;
        try_paddings(q, axis, fits);
        continue;
      }
      // With p up to d * (k - 1) at both ends the inputs lie between those for no padding and for that much.
      Axis widest = axis;
      widest.pad_begin = q.pad_begin.value_or(axis.dilation * (k - 1));
      widest.pad_end = q.pad_end.value_or(axis.dilation * (k - 1));
      const tconv::Result<tconv::SizeRange> most = tconv::inputs_for(widest, *q.output);
      if (!most.ok()) continue;
      for (axis.input = std::max<int64_t>(1, most->last - 2 * axis.dilation * k - 1); axis.input <= most->last; ++axis.input) {
        try_paddings(q, axis, fits);
      }
    }
  }
}

// Small is better: outputs that get the bias alone last, then sizes that are not just multiplied by the stride, then by kernel,
// with a handicap for what people avoid.
auto preference(const Axis& a, int64_t output) {
  const bool empty = a.kernel < a.stride || a.output_padding > a.pad_end;
  const int64_t handicap =
      (a.pad_begin != a.pad_end ? 6 : 0) + (a.output_padding != 0 ? 2 : 0) + (a.kernel % a.stride != 0 ? 2 : 0);
  return std::make_tuple(empty, output != a.stride * a.input, a.kernel + handicap, a.pad_begin, a.output_padding, a.stride,
                         a.input);
}

// Nothing fits: says which relation fails, as sharply as the given numbers allow.
[[noreturn]] void explain_contradiction(const AxisQuery& q, const std::string& name) {
  if (q.auto_pad == tconv::AutoPad::same_upper || q.auto_pad == tconv::AutoPad::same_lower) {
    if (q.input && q.stride) {
      fail(name, fmt::format("output = {}: auto_pad same gives stride * input = {} * {} = {}", *q.output, *q.stride, *q.input,
                             *q.stride * *q.input));
    }
  }
  const bool padding_known = q.pad_begin.has_value() && q.pad_end.has_value();
  if (q.kernel && q.stride && padding_known) {
    Axis axis{q.input.value_or(1), *q.kernel, *q.stride, q.dilation.value_or(1), *q.pad_begin, *q.pad_end, 0};
    if (q.input && q.output_padding) {
      axis.output_padding = *q.output_padding;
      fail(name,
           fmt::format("output = {}: the others give stride * (input - 1) + dilation * (kernel - 1) + 1 - pad_begin - pad_end + "
                       "output_padding = {} * {} + {} * {} + 1 - {} - {} + {} = {}",
                       *q.output, axis.stride, axis.input - 1, axis.dilation, axis.kernel - 1, axis.pad_begin, axis.pad_end,
                       axis.output_padding, output_of(axis)));
    }
    if (q.input) {
      const tconv::Result<int64_t> op = tconv::output_padding_for(axis, *q.output);
      if (!op.ok()) fail(name, op.status().message());
    }
    const tconv::Result<tconv::SizeRange> inputs = tconv::inputs_for(axis, *q.output);
    if (!inputs.ok()) fail(name, inputs.status().message());
  }
  if (q.input && q.kernel && q.stride) {
    const Axis axis{*q.input, *q.kernel, *q.stride, q.dilation.value_or(1), 0, 0, 0};
    const int64_t uncropped = output_of(axis);
    if (*q.output > uncropped) {
      fail(name,
           fmt::format("output = {}: without any padding the others give stride * (input - 1) + dilation * (kernel - 1) + 1 = {}, "
                       "up to {} with output_padding; input = {} would fit",
                       *q.output, uncropped, uncropped + std::max(axis.stride, axis.dilation) - 1,
                       tconv::inputs_for(axis, *q.output).value().last));
    }
    fail(name, fmt::format("output = {}: needs padding beyond dilation * (kernel - 1) = {} at one end; the uncropped output is {}",
                           *q.output, axis.dilation * (axis.kernel - 1), uncropped));
  }
  fail(name, fmt::format("output = {}: nothing fits with kernel 1 to {}, stride 1 to {}, padding up to dilation * (kernel - 1) and "
                         "output padding below the stride; give fewer or other numbers",
                         *q.output, max_searched_kernel, max_searched_stride));
}

}  // namespace

std::vector<Axis> solve(const AxisQuery& q, const std::string& name) {
  check_given(q, name);
  if (!q.output) return {solve_forwards(q, name)};
  std::vector<Axis> fits;
  search(q, &fits);
  if (fits.empty()) explain_contradiction(q, name);
  std::stable_sort(fits.begin(), fits.end(),
                   [&](const Axis& a, const Axis& b) { return preference(a, *q.output) < preference(b, *q.output); });
  return fits;
}

}  // namespace tools::arith
