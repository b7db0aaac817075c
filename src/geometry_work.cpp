#include "tconv/geometry/work.hpp"

#include <cstdio>

#include "checked.hpp"
#include "geometry_internal.hpp"

// Counting without enumerating. The product of input m and tap t lands at u = s * m + d * t of the uncropped output, which reaches
// from 0 to U - 1 = s * (i - 1) + d * (k - 1). Padding drops the u < p_begin and the u >= U - (p_end - op). Turning the axis round
// (m -> i - 1 - m, t -> k - 1 - t) maps u to U - 1 - u, so both ends are the same question, how many (m, t) have u <= x:
//     dropped = below(p_begin - 1) + below(p_end - op - 1)
// and below(x), over the rectangle 0 <= m < i, 0 <= t < k, follows from the unbounded quarter plane by inclusion and exclusion.

namespace tconv {
namespace {

// Sum over n in [0, count) of floor((a * n + b) / m), a, b >= 0, m >= 1: Euclid's algorithm on the slope a / m. Each round takes
// the whole part of slope and intercept out, then counts the lattice points under the line along the other direction.
Checked floor_sum(int64_t count, int64_t m, int64_t a, int64_t b) {
  Checked sum = 0;
  while (count > 0) {
    const Checked pairs = Checked(count) * (Checked(count) - 1);
    if (a >= m) {
      sum = sum + Checked(pairs.value() / 2) * (a / m);
      if (pairs.overflowed()) return pairs;
    }
    sum = sum + Checked(count) * (b / m);
    a %= m;
    b %= m;
    const Checked top = Checked(a) * count + b;
    if (top.overflowed()) return top;
    count = top.value() / m;
    b = top.value() % m;
    const int64_t slope = a;
    a = m;
    m = slope;
    if (m == 0) break;
  }
  return sum;
}

// Pairs m, t >= 0 with s * m + d * t <= x: for each t floor((x - d * t) / s) + 1, summed from the last t to the first.
Checked quarter_plane(int64_t s, int64_t d, Checked x) {
  if (x.overflowed()) return x;
  if (x.value() < 0) return 0;
  const Checked columns = Checked(x.value() / d) + 1;
  return floor_sum(columns.value(), s, d, x.value() % d) + columns;
}

// The same over 0 <= m < i, 0 <= t < k.
Checked below(int64_t i, int64_t k, int64_t s, int64_t d, Checked x) {
  const Checked inputs = Checked(s) * i;
  const Checked taps = Checked(d) * k;
  return quarter_plane(s, d, x) - quarter_plane(s, d, x - inputs) - quarter_plane(s, d, x - taps) +
         quarter_plane(s, d, x - inputs - taps);
}

// Products of `inputs` cells that lie `stride` apart with the axis' taps that land in its output.
Checked landing(const Axis& a, int64_t inputs, int64_t stride) {
  const Checked all = Checked(inputs) * a.kernel;
  return all - below(inputs, a.kernel, stride, a.dilation, Checked(a.pad_begin) - 1) -
         below(inputs, a.kernel, stride, a.dilation, Checked(a.pad_end) - a.output_padding - 1);
}

}  // namespace

Result<Multiplications> count_multiplications(const Axis* axes, int rank) {
  Checked all = 1, inside = 1, met = 1, scatter = 1;
  char name[32];
  for (int a = 0; a < rank; ++a) {
    std::snprintf(name, sizeof name, "axis[%d].", a);
    int64_t output = 0;
    if (Status s = internal::cropped_output_size(axes[a], rank > 1 ? name : "", &output); !s.ok()) return s;
    const Axis& axis = axes[a];
    all = all * output * axis.kernel;
    inside = inside * landing(axis, axis.stride * (axis.input - 1) + 1, 1);
    met = met * landing(axis, axis.input, axis.stride);
    scatter = scatter * axis.input * axis.kernel;
  }
  if (all.overflowed() || inside.overflowed() || met.overflowed() || scatter.overflowed()) {
    return Status::error(StatusCode::overflow, "the number of multiplications does not fit in 63 bits");
  }
  Multiplications m;
  m.zero_insertion = all.value();
  m.inserted_zeros = inside.value() - met.value();
  m.border_zeros = all.value() - inside.value();
  m.phases = met.value();
  m.scatter = scatter.value();
  m.cropped = scatter.value() - met.value();
  return m;
}

}  // namespace tconv
