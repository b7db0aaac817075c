// Parameters of the kernels of layers without sums over channels, or with short ones.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/parameters/epilogue.hpp"

namespace tconv::arch {

// depthwise_channels: for rows whose taps of z and y are alike, o < columns, c < channels
//
//     y[row][o][c] = f(bias[c] + residual[row][o][c] + sum over row taps, j of  x_tap[row][n + shift - j * step][c] * w_tap[j][c])
//
// where o = phases * n + r, phase r has its own taps j and shift, and x outside [0, width) is left out. Weights, biases and slopes
// are packed in vectors of channels: the next vector of a weight lies weight_stride on, of a bias or slope a vector on, zeros after
// the last channel.
struct DepthwiseTap {
  const float* x;  // pixel 0 of the input row that tap (z, y) meets
  const float* w;  // its taps along x, a vector each
};
struct DepthwisePhase {
  size_t taps;      // 0: f(bias + residual)
  size_t first;     // its first tap of w
  ptrdiff_t shift;  // tap 0 of cell n reads x[n + shift]
};
struct DepthwiseRows {
  const DepthwiseTap* tap;
  size_t taps;  // 0: f(bias + residual)
  size_t rows;
  const DepthwisePhase* phase;
  size_t phases;
  bool pairs;        // stride 2 and neighbouring taps: the taps of two phases alternate
  size_t tap_step;   // between the taps of a phase, in w
  ptrdiff_t x_step;  // and in x
  size_t width;
  size_t columns;
  size_t channels;
  bool beyond_l2;      // the output does not stay in L2
  ptrdiff_t x_stride;  // between pixels
  ptrdiff_t x_row_stride;
  ptrdiff_t weight_stride;
  float* y;
  ptrdiff_t y_stride;
  ptrdiff_t y_row_stride;
  const float* bias;
  const float* residual;  // or nullptr
  ptrdiff_t residual_stride;
  ptrdiff_t residual_row_stride;
  const float* slopes;  // for prelu
  Epilogue epilogue;
};

// depthwise_planes: rows of one y-phase of a plane, for o < columns
//
//     y[row][o] = f(bias + residual[row][o] + sum over the taps of phase r of  x[row][n + tap.x] * w[tap.w])
//
// where o = phases * n + r. The taps of phase 1 follow those of phase 0, and so on. Of x, whole vectors of cells are read.
struct DepthwisePlaneTap {
  ptrdiff_t x;
  ptrdiff_t w;
};
struct DepthwisePlane {
  static constexpr size_t max_phases = 4;
  const DepthwisePlaneTap* tap;
  size_t taps[max_phases];
  size_t phases;  // 1, 2 or 4
  // Two phases of neighbouring taps (stride 2): how many a row of the kernel has, and the first of phase 0. 0: others.
  size_t pair_taps;
  size_t pair_first;
  bool beyond_l2;  // the output does not stay in L2
  size_t rows;
  size_t columns;
  const float* x;
  ptrdiff_t x_row_stride;
  const float* w;
  float bias;
  float slope;  // for prelu
  float* y;
  ptrdiff_t y_row_stride;
  const float* residual;  // or nullptr
  ptrdiff_t residual_row_stride;
  Epilogue epilogue;
};

// depthwise_spread: to[p * to_pixel + c] = from[p * pixel + index[c]] for p < pixels, c < channels; whole vectors of `to` are
// written.
struct DepthwiseSpread {
  const float* from;
  ptrdiff_t pixel;  // between pixels
  size_t pixels;
  size_t from_channels;  // of a pixel, that may be read
  const int32_t* index;  // ascending
  size_t channels;
  float* to;
  ptrdiff_t to_pixel;
};

}  // namespace tconv::arch
