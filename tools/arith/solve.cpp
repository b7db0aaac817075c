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

// What the search has found, and how long it has looked: numbers that leave millions open are refused instead.
struct Search {
  static constexpr int64_t max_tries = 4000000;
  std::vector<Axis> fits;
  int64_t tries = 0;

  void count(const std::string& name) {
    if (++tries > max_tries) fail(name, fmt::format("more than {} combinations to search: give more of the numbers", max_tries));
  }
};

// Takes the axis into the list when it is the wanted layer.
void keep_if_it_fits(const AxisQuery& q, const Axis& axis, std::vector<Axis>* fits) {
  int64_t size = 0;
  if (tconv::output_size(axis, "", &size).ok() && size == *q.output) fits->push_back(axis);
}

// Kernel, stride, dilation and input are chosen; the padding is what is given or searched, the output padding follows.
void try_paddings(const AxisQuery& q, Axis axis, const std::string& name, Search* search) {
  int64_t uncropped = 0;
  if (!tconv::output_size(axis, "", &uncropped).ok()) return;  // too large for 63 bits
  const int64_t first_op = q.output_padding.value_or(0);
  const int64_t last_op = q.output_padding.value_or(axis.stride - 1);
  if (q.auto_pad != tconv::AutoPad::notset) {
    for (int64_t op = first_op; op <= last_op; ++op) {
      search->count(name);
      axis.output_padding = op;
      if (tconv::resolve_padding(q.auto_pad, 0, "", &axis).ok()) keep_if_it_fits(q, axis, &search->fits);
    }
    return;
  }
  if (q.pad_begin && q.pad_end) {
    search->count(name);
    axis.pad_begin = *q.pad_begin;
    axis.pad_end = *q.pad_end;
    const tconv::Result<int64_t> op = tconv::output_padding_for(axis, *q.output);
    if (!op.ok() || (q.output_padding && *q.output_padding != *op)) return;
    axis.output_padding = *op;
    keep_if_it_fits(q, axis, &search->fits);
    return;
  }
  // total = uncropped + op - output cells are cut off; evenly, or with the odd one at either end, at most d * (k - 1) each.
  const int64_t full = axis.dilation * (axis.kernel - 1);
  const int64_t without_op = uncropped - *q.output;
  for (int64_t op = std::max(first_op, -without_op); op <= last_op && (without_op + op) / 2 + (without_op + op) % 2 <= full; ++op) {
    search->count(name);
    const int64_t total = without_op + op;
    axis.output_padding = op;
    axis.pad_begin = total / 2;
    axis.pad_end = total - axis.pad_begin;
    keep_if_it_fits(q, axis, &search->fits);
    if (total % 2 == 1) {
      std::swap(axis.pad_begin, axis.pad_end);
      keep_if_it_fits(q, axis, &search->fits);
    }
  }
}

// The input is not given. With padding from none to d * (k - 1) at both ends it lies between the sizes for these two.
void try_inputs(const AxisQuery& q, Axis axis, const std::string& name, Search* search) {
  int64_t full = 0;
  if (__builtin_mul_overflow(axis.dilation, axis.kernel - 1, &full)) return;
  Axis widest = axis, narrowest = axis;
  widest.pad_begin = q.pad_begin.value_or(full);
  widest.pad_end = q.pad_end.value_or(full);
  narrowest.pad_begin = q.pad_begin.value_or(0);
  narrowest.pad_end = q.pad_end.value_or(0);
  const tconv::Result<tconv::SizeRange> most = tconv::inputs_for(widest, *q.output);
  if (!most.ok()) return;
  // An output below the smallest one without padding leaves the range open downwards.
  const tconv::Result<tconv::SizeRange> least = tconv::inputs_for(narrowest, *q.output);
  const int64_t first = least.ok() && q.auto_pad == tconv::AutoPad::notset ? least->first : 1;
  for (int64_t n = 0; n <= most->last - first; ++n) {
    search->count(name);
    axis.input = first + n;
    try_paddings(q, axis, name, search);
  }
}

Search search_all(const AxisQuery& q, const std::string& name) {
  const auto range = [](const std::optional<int64_t>& value, int64_t last) {
    return value ? std::pair(*value, *value) : std::pair(int64_t{1}, last);
  };
  const auto [first_kernel, last_kernel] = range(q.kernel, max_searched_kernel);
  const auto [first_stride, last_stride] = range(q.stride, max_searched_stride);
  Search search;
  for (int64_t nk = 0; nk <= last_kernel - first_kernel; ++nk) {
    for (int64_t ns = 0; ns <= last_stride - first_stride; ++ns) {
      Axis axis{q.input.value_or(1), first_kernel + nk, first_stride + ns, q.dilation.value_or(1), 0, 0, 0};
      if (q.input) {
        try_paddings(q, axis, name, &search);
      } else {
        try_inputs(q, axis, name, &search);
      }
    }
  }
  return search;
}

// Small is better: outputs that get the bias alone last, then sizes that are not just multiplied by the stride, then by kernel,
// with a handicap for what people avoid.
auto preference(const Axis& a, int64_t output) {
  const bool empty = a.kernel < a.stride || a.output_padding > a.pad_end;
  const int64_t handicap =
      (a.pad_begin != a.pad_end ? 6 : 0) + (a.output_padding != 0 ? 2 : 0) + (a.kernel % a.stride != 0 ? 2 : 0);
  return std::make_tuple(empty, output % a.stride != 0 || output / a.stride != a.input, a.kernel + handicap, a.pad_begin,
                         a.output_padding, a.stride, a.input);
}

// Nothing fits: says which relation fails, as sharply as the given numbers allow.
[[noreturn]] void explain_contradiction(const AxisQuery& q, const std::string& name) {
  if (q.auto_pad == tconv::AutoPad::same_upper || q.auto_pad == tconv::AutoPad::same_lower) {
    int64_t same = 0;
    if (q.input && q.stride && !__builtin_mul_overflow(*q.stride, *q.input, &same)) {
      fail(name,
           fmt::format("output = {}: auto_pad same gives stride * input = {} * {} = {}", *q.output, *q.stride, *q.input, same));
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
      const tconv::Result<int64_t> op = tconv::output_padding_for(axis, *q.output);
      if (!op.ok()) fail(name, op.status().message());
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
  std::vector<Axis> fits = search_all(q, name).fits;
  if (fits.empty()) explain_contradiction(q, name);
  std::stable_sort(fits.begin(), fits.end(),
                   [&](const Axis& a, const Axis& b) { return preference(a, *q.output) < preference(b, *q.output); });
  return fits;
}

}  // namespace tools::arith
