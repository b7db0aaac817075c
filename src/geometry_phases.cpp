#include "tconv/geometry/phases.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "checked.hpp"
#include "geometry_internal.hpp"

namespace tconv {
namespace {

// a * b mod m for 0 <= a, b < m, exact for any m: doubling and adding where the product would not fit.
int64_t multiply_mod(int64_t a, int64_t b, int64_t m) {
  int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product % m;
  uint64_t sum = 0;
  for (uint64_t term = static_cast<uint64_t>(a), modulus = static_cast<uint64_t>(m), bits = static_cast<uint64_t>(b); bits != 0;
       bits >>= 1, term = term * 2 % modulus) {
    if (bits & 1) sum = (sum + term) % modulus;
  }
  return static_cast<int64_t>(sum);
}

// The x with a * x = 1 (mod m), 0 <= x < m, for coprime a and m: extended Euclid, keeping only a's coefficient.
int64_t inverse_mod(int64_t a, int64_t m) {
  int64_t rest = m, next = a % m, coefficient = 0, next_coefficient = 1;
  while (next != 0) {
    const int64_t quotient = rest / next;
    rest = std::exchange(next, rest - quotient * next);
    coefficient = std::exchange(next_coefficient, coefficient - quotient * next_coefficient);
  }
  return coefficient < 0 ? coefficient + m : coefficient;
}

}  // namespace

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
  // Taps with d * t = index (mod s) exist only if g divides index; then t = (index / g) / (d / g) (mod s / g), repeating every s /
  // g.
  if (index % g != 0) return phase;
  const int64_t period = phase.tap_step;
  const int64_t first = multiply_mod((index / g) % period, inverse_mod(phase.input_step % period, period) % period, period);
  if (first >= a.kernel) return phase;
  phase.first_tap = first;
  phase.taps = (a.kernel - 1 - first) / period + 1;
  phase.input_offset = (a.dilation * first - index) / a.stride;
  return phase;
}

TapRange taps_inside(const Axis& axis, const Phase& phase, int64_t q) {
  // 0 <= q - b - j * e < i
  const int64_t newest = q - phase.input_offset;
  const int64_t begin = std::max<int64_t>(ceil_div(newest - axis.input + 1, phase.input_step), 0);
  const int64_t end = std::min(floor_div(newest, phase.input_step) + 1, phase.taps);
  return {begin, std::max(begin, end)};
}

bool input_met(const Axis& axis, int64_t output, int64_t tap, int64_t* input) {
  const int64_t distance = output + axis.pad_begin - axis.dilation * tap;
  if (tap < 0 || tap >= axis.kernel || distance < 0 || distance % axis.stride != 0) return false;
  if (distance / axis.stride >= axis.input) return false;
  *input = distance / axis.stride;
  return true;
}

SizeRange taps_per_phase(const Axis& axis) {
  const int64_t g = std::gcd(axis.dilation, axis.stride);
  const int64_t period = axis.stride / g;
  return {g == 1 ? axis.kernel / period : 0, ceil_div(axis.kernel, period)};
}

}  // namespace tconv
