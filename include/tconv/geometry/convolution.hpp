// One spatial axis of an ordinary convolution (or pooling): its output size, the sizes and paddings that answer the inverse
// questions, and its partner, the transposed convolution that runs the other way.
#pragma once

#include <cstdint>

#include "tconv/geometry/axis.hpp"
#include "tconv/types.hpp"

namespace tconv {

// One spatial axis of an ordinary convolution. Padding adds zeros around the input here; in its transposed partner the same
// numbers cut cells off the output.
struct ConvolutionAxis {
  int64_t input = 1;      // i, >= 1
  int64_t kernel = 1;     // k, >= 1
  int64_t stride = 1;     // s, >= 1
  int64_t dilation = 1;   // d, >= 1
  int64_t pad_begin = 0;  // >= 0
  int64_t pad_end = 0;    // >= 0
};

// Output size of a convolution, of pooling (p = 0) and of dilated convolution (guide, relationships 1-7 and 15 at once):
//     o = floor((i + p_begin + p_end - d * (k - 1) - 1) / s) + 1
// Errors: invalid_argument naming the field (i, k, s, d < 1; p < 0; a kernel longer than the padded input); overflow.
Result<int64_t> convolution_output(const ConvolutionAxis& axis);

// Padded input cells at the end that no window reaches, because the stride steps over them (the guide's a):
//     a = (i + p_begin + p_end - d * (k - 1) - 1) mod s
// The transposed convolution needs output_padding = a to come back to i (guide, relationship 14). Errors as above.
Result<int64_t> lost_remainder(const ConvolutionAxis& axis);

// Which input sizes give this output (the axis' own input is ignored): s of them, fewer where that would be below 1,
//     s * (o - 1) + d * (k - 1) + 1 - p_begin - p_end <= i <= that + s - 1
// Errors: invalid_argument (output < 1, or all of them below 1, or a field as above); overflow.
Result<SizeRange> convolution_inputs_for(const ConvolutionAxis& axis, int64_t output);

// Sets the padding of a convolution so that o = ceil(i / s) ("same"; TensorFlow's SAME, ONNX's auto_pad):
//     total = max(0, s * (ceil(i / s) - 1) + d * (k - 1) + 1 - i);   same_upper: the odd cell at the end; same_lower: at the
//     beginning
// `valid` sets it to 0, `notset` leaves it. With s = 1 and d * (k - 1) even this is the guide's half padding.
Status pad_convolution(AutoPad auto_pad, ConvolutionAxis* axis);

// The transposed convolution whose sizes run the other way: it maps the convolution's output size to its input size. Same k, s,
// d and p; input = o; output_padding = lost_remainder(). Its matrix is the transpose of the convolution's.
// Errors: those of convolution_output(). (A convolution of padded zeros alone is no error, but its partner cuts everything off.)
Result<Axis> transposed_partner(const ConvolutionAxis& axis);

// The convolution whose gradient (transpose) this layer is: input = the layer's output size, same k, s, d and p.
// Its output size is the layer's input size i plus floor(op / s), which is i unless the dilation allows op >= s.
// Errors: those of output_size().
Result<ConvolutionAxis> convolution_partner(const Axis& axis);

}  // namespace tconv
