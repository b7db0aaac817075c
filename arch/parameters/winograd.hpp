// Parameters of the kernels of Winograd's transforms.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/parameters/epilogue.hpp"

namespace tconv::arch {

// The transforms of Winograd's minimal filtering along one axis, in a domain of `points` points (arch/cook_toom.hpp), over rows of
// `count` contiguous floats (channels of a pixel, columns of a product, or a row of a plane).
constexpr int max_points = 8;
constexpr int max_point_outputs = max_points - 1;

// winograd_input: to[point][r][c] = sum over i < points of  input_transform[point][i] * from_i[r][c], for r < repeats, c < count.
struct WinogradInput {
  const float* from[max_points];
  ptrdiff_t from_stride[max_points];  // between repeats
  float* to;
  ptrdiff_t to_point;   // between points
  ptrdiff_t to_stride;  // between repeats
  size_t count;
  size_t repeats;
};

// winograd_output: to_t[r][c] = f(sum over points of  output_transform[t][point] * from[point][r][c] + bias[c] + residual_t[r][c])
// for t < outputs. The first point (0) and the last (infinity) have no place in `from` where they are dropped.
struct WinogradOutput {
  const float* from;     // first point that has a place
  ptrdiff_t from_point;  // between points
  ptrdiff_t from_stride;
  bool has_first;
  bool has_last;
  float* to[max_point_outputs];  // nullptr: this output is not stored
  ptrdiff_t to_stride;
  size_t count;
  size_t repeats;
  const float* bias;                         // [count]; nullptr: none of bias, residual and epilogue
  const float* residual[max_point_outputs];  // all nullptr: none. Where an output is stored, else nullptr.
  ptrdiff_t residual_stride;
  const float* slopes;  // [count], for prelu
  Epilogue epilogue;
  // With a bias and a clamp: whole vectors go past the caches, on targets that can; rows are at multiples of 64 bytes.
  bool streams;
};

// winograd_pixels: to[point][(b * channels + c) * block + x] = sum over i < points of  input_transform[point][i] *
// from_i[(b * block + x) * pixel + c] for blocks of planar_vectors * lanes pixels; zeros after `pixels`, to the end of a block.
struct WinogradPixels {
  static constexpr size_t channels_at_once = 16;
  const float* from[max_points];  // nullptr: zeros
  ptrdiff_t pixel;                // between pixels
  size_t pixels;
  size_t channels;
  float* to;
  ptrdiff_t to_point;  // between points
  float* scratch;      // points * channels_at_once blocks
  bool asks;           // the pixels may lie beyond L2: those to come are asked for (a hint)
};
using WinogradInputFunction = void (*)(const WinogradInput& rows);
using WinogradPixelFunction = void (*)(const WinogradPixels& rows);
using WinogradOutputFunction = void (*)(const WinogradOutput& rows);

}  // namespace tconv::arch
