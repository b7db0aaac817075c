// Convolution arithmetic: how sizes, padding, strides and taps of a transposed convolution hang together, one axis at a time.
//
// Names: those of Dumoulin & Visin, "A guide to convolution arithmetic for deep learning" (arXiv 1603.07285), and of ONNX
// ConvTranspose; where they differ, ONNX. Everything here is exact 64-bit integer arithmetic, checked for overflow; all
// functions are pure, allocate nothing and may be called from any thread.
#pragma once

#include <cstdint>

#include "tconv/types.hpp"

namespace tconv {

// One spatial axis of a transposed convolution.
struct Axis {
  int64_t input = 1;           // i, >= 1
  int64_t kernel = 1;          // k, >= 1
  int64_t stride = 1;          // s, >= 1
  int64_t dilation = 1;        // d, >= 1
  int64_t pad_begin = 0;       // p_begin, >= 0: output cells cut off at the beginning (the guide's p)
  int64_t pad_end = 0;         // p_end, >= 0: output cells cut off at the end
  int64_t output_padding = 0;  // op, 0 <= op < max(s, d): output cells added at the end (the guide's a)
};

// How ONNX's auto_pad chooses pad_begin and pad_end.
enum class AutoPad : uint8_t {
  notset,      // as given
  same_upper,  // output = s * i; of an odd total the extra cell goes to the end
  same_lower,  // output = s * i; of an odd total the extra cell goes to the beginning
  valid,       // no padding
};

// Extent of a dilated kernel: d * (k - 1) + 1.
constexpr int64_t effective_kernel(int64_t kernel, int64_t dilation) { return dilation * (kernel - 1) + 1; }

// Output size of a transposed convolution, validated:
//     o = s * (i - 1) + d * (k - 1) + 1 - p_begin - p_end + op        (ONNX ConvTranspose; guide, relationship 14 generalised)
// Errors: invalid_argument naming the field and its value (i, k, s, d < 1; p < 0; op outside [0, max(s, d)); o < 1);
// overflow. `name` is put before the field in messages ("axis 0: ..."), may be empty.
// The limit on op is PyTorch's ("output padding must be smaller than either stride or dilation"), which contains ONNX's.
Status output_size(const Axis& axis, const char* name, int64_t* size);

// Applies auto_pad or an explicit output size to pad_begin, pad_end (and, where the wanted output is larger than
// the uncropped one, to output_padding), as the ONNX operator text defines it:
//     total = s * (i - 1) + op + d * (k - 1) + 1 - wanted;   same_upper: begin = total / 2, end the rest; else the other way round.
// `wanted_output` = 0: not given; then same_* want s * i. A given output size overrides pad_begin and pad_end.
// Versions of ONNX before opset 11 said the opposite for SAME_UPPER (onnx issue 1609); this follows the text since then,
// which puts the odd cell at the end for SAME_UPPER, as onnxruntime and TensorFlow do.
// A total below zero means that cells beyond the uncropped output were asked for: they hold the bias alone, at the end
// (onnxruntime does the same); output_padding then carries them and may exceed its usual limit.
Status resolve_padding(AutoPad auto_pad, int64_t wanted_output, const char* name, Axis* axis);

// The ordinary convolution with stride 1 that gives the same result on a changed input: insert `inserted_zeros` zeros between
// neighbouring inputs, pad, and convolve with the flipped kernel (guide, relationship 13/14: k' = k, s' = 1, p' = k - p - 1).
// Padding may come out negative: then input cells are cut off instead (p > d * (k - 1)).
struct EquivalentConvolution {
  int64_t kernel;           // k' = k
  int64_t stride;           // s' = 1
  int64_t dilation;         // d' = d
  int64_t pad_begin;        // d * (k - 1) - p_begin
  int64_t pad_end;          // d * (k - 1) - p_end + op
  int64_t inserted_zeros;   // s - 1, between neighbours
  int64_t stretched_input;  // s * (i - 1) + 1
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
// `axis` must be valid (output_size() succeeded); 0 <= index < axis.stride.
Phase phase_of(const Axis& axis, int64_t index);

}  // namespace tconv
