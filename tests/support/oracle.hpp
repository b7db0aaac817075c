// The specification of transposed convolution, three times over, as plain loops in double precision.
//
// All three compute the linear part  y[n, co, o] = sum over ci, t with o = s * i + d * t - p of  x[n, ci, i] * w[ci, co, t]
// from the description's fields alone; nothing of the library's source is used, sizes are computed here once more.
// Tensors are dense: x [N, Cin, D, H, W], w [Cin, Cout / groups, kD, kH, kW], y [N, Cout, D, H, W].
#pragma once

#include <cstdint>
#include <vector>

#include "tconv/description.hpp"

namespace tconv_test {

using Doubles = std::vector<double>;

// The sizes of a layer on three axes (D, H, W; missing ones have size 1), padding resolved.
struct LayerSizes {
  int64_t batch, in_channels, out_channels, groups;
  int64_t input[3], output[3], kernel[3], stride[3], dilation[3];
  int64_t pad_begin[3], pad_end[3], output_padding[3];

  int64_t in_per_group() const { return in_channels / groups; }
  int64_t out_per_group() const { return out_channels / groups; }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t input_cells() const { return input[0] * input[1] * input[2]; }
  int64_t output_cells() const { return output[0] * output[1] * output[2]; }
  int64_t input_elements() const { return batch * in_channels * input_cells(); }
  int64_t output_elements() const { return batch * out_channels * output_cells(); }
  int64_t weight_elements() const { return in_channels * out_per_group() * taps(); }
  int64_t multiplications() const { return input_elements() * out_per_group() * taps(); }
};

// Of a valid description; per axis
//     full = s * (i - 1) + d * (k - 1) + 1 + op,    o = full - p_begin - p_end                       padding as given
//     wanted = output_shape, or s * i for SAME_*; total = full - wanted, split in halves, the odd cell at the end for
//     SAME_UPPER and at the beginning otherwise; total < 0: the missing cells are added at the end    (ONNX ConvTranspose)
LayerSizes layer_sizes(const tconv::Description& description);

// 1. Scatter: every input element adds x * w into the output. The definition.
Doubles scatter_oracle(const LayerSizes& sizes, const Doubles& x, const Doubles& w);

// 2. Zero insertion: s - 1 zeros between neighbouring inputs, padding d * (k - 1) - p (negative: cells cut off), then an ordinary
//    stride-1 convolution with the flipped kernel. Builds the stretched tensor.
Doubles zero_insertion_oracle(const LayerSizes& sizes, const Doubles& x, const Doubles& w);

// 3. Matrix: builds the matrix C of the forward convolution (stride s, padding p) that takes y's space to x's, row by row, and
//    multiplies by its transpose.
Doubles matrix_oracle(const LayerSizes& sizes, const Doubles& x, const Doubles& w);

// The element-wise functions of types.hpp; slopes are indexed by channel. NaN gives NaN.
double activate(const tconv::Activation& activation, double x, int64_t channel);

// f(x) for all of x.
Doubles activate_input(const tconv::Activation& activation, const Doubles& x);

// activation(sums + bias + residual); bias and residual may be empty.
Doubles finish(const LayerSizes& sizes, const tconv::Activation& activation, const Doubles& sums, const Doubles& bias,
               const Doubles& residual);

}  // namespace tconv_test
