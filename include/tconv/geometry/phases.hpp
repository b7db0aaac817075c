// Two ways to turn a transposed convolution into ordinary ones: over an input with zeros put in, and over the input as it is,
// one stride-1 convolution per phase.
#pragma once

#include <cstdint>

#include "tconv/geometry/axis.hpp"

namespace tconv {

// The ordinary convolution with stride 1 that gives the same result on a changed input: insert `inserted_zeros` zeros between
// neighbouring inputs, pad, and convolve with the flipped kernel (guide, relationships 12-14: k' = k, s' = 1, p' = k - p - 1).
// Padding may come out negative: then input cells are cut off instead (p > d * (k - 1)).
struct EquivalentConvolution {
  int64_t kernel;           // k' = k
  int64_t stride;           // s' = 1
  int64_t dilation;         // d' = d
  int64_t pad_begin;        // d * (k - 1) - p_begin
  int64_t pad_end;          // d * (k - 1) - p_end + op
  int64_t inserted_zeros;   // s - 1, between neighbours
  int64_t stretched_input;  // i~ = i + (s - 1)(i - 1) = s * (i - 1) + 1
};
EquivalentConvolution equivalent_convolution(const Axis& axis);

// One of the s phases of an axis: the outputs o with (o + p_begin) mod s = index. Written o = s * q + index - p_begin, they are a
// stride-1 convolution over q:
//     y[s * q + index - p_begin] = bias + sum over j in [0, taps) of  x[q - input_offset - j * input_step] * w[first_tap + j *
//     tap_step]
// With g = gcd(d, s): a phase is live when d * t = index (mod s) has a solution t < k; then tap_step = s / g, input_step = d / g,
// input_offset = (d * first_tap - index) / s. A dead phase has taps = 0: its outputs are bias alone.
struct Phase {
  int64_t index;         // r, 0 <= r < s
  int64_t taps;          // number of taps; 0 for a dead phase
  int64_t first_tap;     // t0
  int64_t tap_step;      // s / g
  int64_t input_offset;  // b: tap 0 reads x[q - b]
  int64_t input_step;    // e = d / g: tap j reads x[q - b - j * e]
  int64_t q_begin;       // outputs of this phase lie at q_begin <= q < q_end (may be empty)
  int64_t q_end;
};
// `axis` must be valid (output_size() succeeded, or resolve_padding() set its padding); 0 <= index < axis.stride.
// Takes O(log s) steps: d * t = index (mod s) is solved by Euclid's algorithm.
Phase phase_of(const Axis& axis, int64_t index);

// The output that a phase computes at q: s * q + r - p_begin.
constexpr int64_t phase_output(const Axis& axis, const Phase& phase, int64_t q) {
  return axis.stride * q + phase.index - axis.pad_begin;
}
// The kernel's tap that is tap j of the phase's sub-kernel: t0 + j * s / g.
constexpr int64_t phase_tap(const Phase& phase, int64_t j) { return phase.first_tap + j * phase.tap_step; }
// The input that tap j meets at q: q - b - j * d / g. May lie outside [0, i): there x counts as zero.
constexpr int64_t phase_input(const Phase& phase, int64_t q, int64_t j) { return q - phase.input_offset - j * phase.input_step; }

// The taps of a phase that meet an input inside [0, i) at q: begin <= j < end (may be empty).
struct TapRange {
  int64_t begin = 0;
  int64_t end = 0;
};
TapRange taps_inside(const Axis& axis, const Phase& phase, int64_t q);

// Whether `output` meets an input at `tap`, and which: the i with  o = s * i + d * t - p_begin,  0 <= i < axis.input.
bool input_met(const Axis& axis, int64_t output, int64_t tap, int64_t* input);

// Taps per phase over the s phases: the fewest and the most. Equal when every output gets the same number of products (away from
// the border); when not, the overlap is uneven and untrained weights draw a checkerboard. With g = gcd(d, s), s / g residues are
// met at all: most = ceil(k / (s / g)); fewest = floor(k / (s / g)) when g = 1, else 0. For d = 1: equal exactly when k % s = 0.
SizeRange taps_per_phase(const Axis& axis);

}  // namespace tconv
