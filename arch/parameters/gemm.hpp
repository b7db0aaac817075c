// Parameters of the kernels of matrix products.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/parameters/epilogue.hpp"

namespace tconv::arch {

// gemm_columns: C[rows x columns] = init + sum over segments of A_segment[rows x k] * B[b_row .. b_row + k][columns].
// A row of A is a contiguous run of floats read in place; B is a packed panel of `vectors * lanes` columns, 64-byte aligned.
struct GemmSegment {
  const float* a;  // row 0
  size_t k;        // length of the run
  size_t b_row;    // its first row in the panel
};
struct GemmStrip {
  const GemmSegment* segment;
  size_t segments;        // 0: C = init
  ptrdiff_t a_stride;     // between rows of A
  const float* b;         // panel
  float* c;               // row 0, column 0
  ptrdiff_t c_stride;     // between rows of C
  size_t rows;            // any number; the kernel splits them into register tiles, evenly
  size_t columns;         // of the last panel: (vectors - 1) * lanes < columns <= vectors * lanes
  const float* bias;      // panel-wide (padded): init = bias; nullptr: init = C (a later block of a long sum)
  const float* residual;  // added to the init, laid out like C with its own strides; or nullptr. Only with bias.
  ptrdiff_t residual_stride;
  // Runs of rows, such as image rows: run m of the strip begins run_strides after run m - 1. All runs are whole but, where
  // a_run_stride is run * a_stride, the first (`first_run` rows, the last ones of a run) and the last.
  size_t run;  // rows; 0: all rows are one run, and the rest is not looked at
  size_t first_run;
  ptrdiff_t a_run_stride;
  ptrdiff_t c_run_stride;
  ptrdiff_t residual_run_stride;
  const float* slopes;  // panel-wide, for prelu
  Epilogue epilogue;    // of the last block of a sum, else none
  // What the next strip reads from beyond L2, weights or rows of A, asked for evenly while this one is computed (a hint, of x86).
  const float* next;
  size_t next_lines;  // of 64 bytes; 0: nothing is asked for
  bool streams;       // C goes past the caches, on targets that can: whole panels, rows at multiples of 64 bytes
  // Panels to the right of the first, all but the last of them whole: b_panel further in B, vectors * lanes in all else. All panels
  // meet about block_rows rows before the next ones. More than none only with bias.
  size_t more_panels;
  ptrdiff_t b_panel;
  size_t block_rows;
  bool new_rows;  // rows of A are not in L1 yet: those to come are asked for meanwhile, or `next`, which is rows (a hint, of x86)
};
using GemmFunction = void (*)(const GemmStrip& strip);

// pixel_products: C[pair.output] += A[pair.input] * B for each pair. A row of A holds k floats, a row of C `vectors * lanes`; C and
// B are 64-byte aligned. No output is in two pairs.
struct PixelPair {
  uint32_t input;
  uint32_t output;
};
struct PixelProduct {
  const PixelPair* pair;
  size_t pairs;
  const float* a;
  ptrdiff_t a_stride;  // between inputs
  const float* b;      // packed [k][vectors * lanes]
  size_t k;
  float* c;
  const float* next;  // the next call's b, to be fetched into the cache meanwhile; or nullptr
};
using PixelFunction = void (*)(const PixelProduct& product);

}  // namespace tconv::arch
