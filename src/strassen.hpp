// Strassen's algorithm, in Winograd's form, one level deep: seven products of halves instead of eight.
//
// Where kernel = stride on every axis, each input pixel makes a tile of outputs of its own, and the layer is one matrix product:
// pixels times input channels, times input channels times (tap, output channel). Rows come in blocks, each of an upper and a lower
// half; channels are halved; columns are taken as pairs of neighbouring panels:
//
//     | C11 C12 |   | A11 A12 |   | B11 B12 |        S1 = A21 + A22, S2 = S1 - A11, S3 = A11 - A21, S4 = A12 - S2
//     | C21 C22 | = | A21 A22 | * | B21 B22 |        T1 = B12 - B11, T2 = B22 - T1, T3 = B22 - B12, T4 = T2 - B21
//
//     P1 = A11 B11, P2 = A12 B21, P3 = S2 T2, P4 = S1 T1, P5 = S4 B22, P6 = S3 T3, P7 = A22 (-T4)
//     C11 = P1 + P2, C12 = P1 + P3 + P4 + P5, C22 = P1 + P3 + P4 + P6, C21 = P1 + P3 + P6 + P7
//
// The right factors are packed at creation, the left ones that are sums are made once a block and serve all its columns. The
// products of a block and a pair of panels are made by window GEMM's kernels in this order, each begins with the sum of those
// before it, and the last of a sum goes to the output itself. Three tiles of scratch stay near: P1 + P3 (+ P6), P1 + P3 + P4, and
// P6.
#pragma once

#include "arch/kernel_table.hpp"
#include "buffer.hpp"
#include "layer.hpp"

namespace tconv::strassen {

constexpr int64_t products = arch::strassen_products;

// Neighbouring columns (x tap, output channel) of one (z, y) tap.
struct Panel {
  int64_t z, y;  // the tap
  int64_t first_column;
  int64_t columns;
};

struct Plan {
  Buffer<Panel> panels;        // [z tap][y tap][column]
  int64_t vectors = 0;         // of a panel
  int64_t width = 0;           // and floats
  int64_t half_k = 0;          // input channels
  int64_t pitch = 0;           // between rows of a left factor
  Buffer<float> weights;       // [pair of panels][product][k][column]
  Buffer<float> bias;          // [panel][column], then zeros as wide as a panel
  Buffer<float> slopes;        // the same, for prelu
  Buffer<float> pixel_bias;    // [output channel]
  Buffer<float> pixel_slopes;  // the same, for prelu

  // Of the current shape.
  int64_t image_rows = 0;    // pixels of an image
  int64_t half_rows = 1;     // of a block
  bool in_place = false;     // pixels of an image are neighbours, and are multiplied where they lie
  bool direct = false;       // all columns of a pixel have a place in the output, one after another
  bool uncovered = false;    // some outputs meet no input
  bool streams = false;      // the output goes past the caches
  bool far_weights = false;  // factors do not stay in L2 from block to block

  int64_t pairs() const { return (static_cast<int64_t>(panels.size()) + 1) / 2; }
  int64_t pair_weights() const { return products * half_k * width; }
  int64_t blocks() const { return (image_rows + 2 * half_rows - 1) / (2 * half_rows); }  // of an image
};

// What a thread's workspace holds, in floats.
struct Workspace {
  int64_t factors;   // left ones: [product][row of a half][pitch]
  int64_t products;  // [3][row of a half][width]
  int64_t pixel;     // an input pixel with its activation
  int64_t rows;      // [row of a half][width], where results do not go to the output directly
  int64_t offsets;   // of the rows of both halves in the output and in the residual (two floats each)
  size_t bytes() const { return static_cast<size_t>(factors + products + pixel + rows + offsets) * sizeof(float); }
};
Workspace workspace(const Layer& layer, const Plan& plan);

// Error: out_of_memory.
Status pack(const Layer& layer, const arch::KernelTable& kernels, const float* weights, const float* bias, Plan* plan);

bool supports(const Layer& layer, const Options& options);
// Estimated cycles of one run on one thread.
double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options);
Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan);
Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan);
size_t workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan);  // per thread
size_t packed_bytes(const Plan& plan);
void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);

}  // namespace tconv::strassen
