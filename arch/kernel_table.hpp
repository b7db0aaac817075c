// The contract between src/ (which knows no instruction set) and the kernels of each target; arch/parameters/ has what each kernel
// computes.
//
// Kernel names: <operation>_<what its vectors run along>. All data is f32. Kernels allocate nothing, hold no state, schedule
// nothing, and read and write only what their parameter block names: loads past the end of a row are masked or go through the
// stack, so a buffer may end at the end of a page. Strides are in elements unless the name says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/activations/activations.hpp"
#include "arch/parameters/depthwise.hpp"
#include "arch/parameters/epilogue.hpp"
#include "arch/parameters/gemm.hpp"
#include "arch/parameters/planar.hpp"
#include "arch/parameters/strassen.hpp"
#include "arch/parameters/winograd.hpp"
#include "tconv/targets.hpp"

namespace tconv::arch {

struct KernelTable {
  static constexpr int max_vectors = 4;  // widest panel
  static constexpr int max_planar_rows = 16;
  static constexpr int max_overlap_phases = 4;

  Target target;
  size_t lanes;  // floats per vector

  // Panels of (index + 1) vectors; nullptr where the target has no such kernel. gemm_tile_rows: rows of the largest register tile.
  GemmFunction gemm[max_vectors];
  size_t gemm_tile_rows[max_vectors];
  bool gemm_asks;  // do they look at GemmStrip::next?

  // Panels of (index + 1) vectors, of the same widths as gemm's.
  PixelFunction pixels[max_vectors];
  size_t pixel_tile_rows[max_vectors];

  // Blocks of (index + 1) rows; nullptr beyond planar_rows.
  PlanarFunction planar[max_planar_rows];
  size_t planar_rows;
  size_t planar_vectors;
  size_t planar_half_rows;  // rows whose tiles are a block and a half, or 0

  void (*depthwise)(const DepthwiseRows& rows);
  void (*depthwise_planes)(const DepthwisePlane& rows);
  void (*depthwise_spread)(const DepthwiseSpread& pixels);
  // to[r * to_stride + i] = from[r * from_stride + i] for i in [0, columns), then zeros to the end of a vector; rows in ascending
  // order.
  void (*depthwise_copy)(const float* from, ptrdiff_t from_stride, size_t rows, size_t columns, float* to, ptrdiff_t to_stride);

  void (*overlap)(const OverlapRow& row);
  void (*periods)(const PlanarPeriods& periods);
  void (*sums)(const PlanarSums& sums);

  // [points] and [points][outputs]; nullptr where there is no such domain (points < 3, outputs >= points).
  WinogradInputFunction winograd_input[max_points + 1];
  WinogradPixelFunction winograd_pixels[max_points + 1];
  WinogradOutputFunction winograd_output[max_points + 1][max_points];

  void (*strassen_input)(const StrassenInput& row);
  void (*strassen_output)(const StrassenOutput& rows);

  // to[b * block_stride + i] = from[b * block + i] for blocks of planar_vectors * lanes numbers; zeros after `count`, to the end of
  // a block.
  void (*copy_blocks)(const float* from, size_t count, float* to, ptrdiff_t block_stride);
  // to[(b * channels + c) * block + i] = from[(b * block + i) * pixel + c] for blocks of planar_vectors * lanes pixels; zeros after
  // `pixels`, to the end of a block.
  void (*pixel_blocks)(const float* from, ptrdiff_t pixel, size_t pixels, size_t channels, float* to);
  // The same, blocks block_stride and channels channel_stride apart.
  void (*pixel_planes)(const float* from, ptrdiff_t pixel, size_t pixels, size_t channels, float* to, ptrdiff_t block_stride,
                       ptrdiff_t channel_stride);
  // to[r * to_stride + left + i] = from[r * from_stride + i] for i in [0, count), zeros in the rest of [r * to_stride, (r + 1) *
  // to_stride). May write zeros up to a vector beyond the last row.
  void (*pad_rows)(const float* from, ptrdiff_t from_stride, size_t rows, size_t count, size_t left, float* to, size_t to_stride);
  // to[c * to_stride + r] = from[r * from_stride + c] for r in [0, rows), c in [0, columns).
  void (*transpose)(const float* from, ptrdiff_t from_stride, size_t rows, size_t columns, float* to, ptrdiff_t to_stride);
  // x[i] = f(x[i] + bias)
  void (*row_epilogue)(float* x, size_t n, const RowEpilogue& e);
  // y[i] = f(x[i] + bias + residual[i]); y may be residual.
  void (*row_residual)(const float* x, const float* residual, float* y, size_t n, const RowEpilogue& e);
  ActivationTable activations;
};

// Is the target compiled into this library?
bool kernel_table_compiled(Target target);
// False when it is not.
bool kernel_table(Target target, KernelTable* table);

}  // namespace tconv::arch
