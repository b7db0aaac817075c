// One spatial axis of a transposed convolution: its parameters, its output size, and the padding or output padding that a
// wanted output size asks for.
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

// An inclusive range of sizes.
struct SizeRange {
  int64_t first = 0;
  int64_t last = 0;
};

// Extent of a dilated kernel: d * (k - 1) + 1.
constexpr int64_t effective_kernel(int64_t kernel, int64_t dilation) { return dilation * (kernel - 1) + 1; }

// Output size of a transposed convolution, validated:
//     o = s * (i - 1) + d * (k - 1) + 1 - p_begin - p_end + op        (ONNX ConvTranspose; guide, relationship 14 generalised)
// Errors: invalid_argument naming the field and its value (i, k, s, d < 1; p < 0; op outside [0, max(s, d)); o < 1);
// overflow. `name` is put before the field in messages ("axis[0]."), may be empty.
// The limit on op is PyTorch's ("output padding must be smaller than either stride or dilation"), which contains ONNX's.
Status output_size(const Axis& axis, const char* name, int64_t* size);

// The same for `rank` axes; messages name the axis ("axis[1].stride = 0: ..."). `sizes` has room for `rank` values, which are
// written only when all axes are valid.
Status output_sizes(const Axis* axes, int rank, int64_t* sizes);

// Applies auto_pad or an explicit output size to pad_begin, pad_end (and, where the wanted output is larger than
// the uncropped one, to output_padding), as the ONNX operator text defines it:
//     total = s * (i - 1) + op + d * (k - 1) + 1 - wanted;   same_upper: begin = total / 2, end the rest; else the other way round.
// `wanted_output` = 0: not given; then same_* want s * i. A given output size overrides pad_begin and pad_end.
// Versions of ONNX before opset 11 said the opposite for SAME_UPPER (onnx issue 1609); this follows the text since then,
// which puts the odd cell at the end for SAME_UPPER, as onnxruntime and TensorFlow do.
// A total below zero means that cells beyond the uncropped output were asked for: they hold the bias alone, at the end;
// output_padding then carries them and may exceed its usual limit. (onnxruntime does the same for a given output size; with
// same_* it leaves the output uncropped. For a model, tconv run lets the declared shape decide.)
Status resolve_padding(AutoPad auto_pad, int64_t wanted_output, const char* name, Axis* axis);

// The output padding with which the axis (its own output_padding is ignored) has exactly `output` cells:
//     op = o - (s * (i - 1) + d * (k - 1) + 1 - p_begin - p_end)
// Errors: invalid_argument when op would lie outside [0, max(s, d)); the message gives the outputs that can be reached and
// the input sizes, if any, that reach this one.
Result<int64_t> output_padding_for(const Axis& axis, int64_t output);

// The input sizes that give `output` with some legal output padding (the axis' own input and output_padding are ignored):
//     ceil((o - e - max(s, d) + 1) / s) + 1 <= i <= floor((o - e) / s) + 1,  i >= 1,  e = d * (k - 1) + 1 - p_begin - p_end
// With d <= s there is at most one: i = floor((o - e) / s) + 1 with op = (o - e) mod s.
// Errors: invalid_argument when there is none, with the smallest output that exists.
Result<SizeRange> inputs_for(const Axis& axis, int64_t output);

}  // namespace tconv
