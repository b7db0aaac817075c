// Small images with many channels: bound by the weights, which stream by once.
//
// Each tap t alone is a matrix product: the pixels x whose product with w_t falls into the output, times w_t, is added to the
// outputs that those pixels reach:
//
//     y[s * i + d * t - p][co] += sum over ci of  x[i][ci] * w_t[ci][co]        for the i with 0 <= s * i + d * t - p < o
//
// What falls into the crop is never multiplied (23% of the products at 4 x 4, k = 4, s = 2, p = 1), no zero is ever met, and the
// rows of the matrix are the pixels of the whole image (of all images of a batch), whatever its width. For a panel of output
// channels and a part of the input channels the weights of one tap after the other come from memory, in the order in which they are
// packed, each once: the pixels of that part and the sums of the panel stay in the nearest cache.
#pragma once

#include "arch/kernel_table.hpp"
#include "buffer.hpp"
#include "layer.hpp"

namespace tconv::small_image {

// Panels of output channels, per group: all of `vectors` vectors but the last.
struct Panels {
  int64_t vectors = 0;
  int64_t count = 0;
  int64_t last_vectors = 0;
  int64_t vectors_of(int64_t panel) const { return panel + 1 == count ? last_vectors : vectors; }
  int64_t padded_vectors() const { return (count - 1) * vectors + last_vectors; }
};

// The layer is done in blocks of outputs whose sums and inputs stay in cache. A small image is one block.
struct Blocks {
  int64_t images = 1;                // of a block
  int64_t extent[max_rank] = {};     // outputs of a block along each axis
  int64_t count[max_rank + 1] = {};  // blocks along each axis, then over images
  // The most of any block.
  int64_t input_pixels = 0;
  int64_t output_pixels = 0;
  int64_t taps[max_rank] = {};  // along each axis: those that may meet an input
  int64_t pairs = 0;            // of an input and an output that a tap joins
  int64_t all() const { return count[0] * count[1] * count[2] * count[max_rank]; }
};

struct Plan {
  Panels panels;
  int64_t k_block = 0;    // input channels of a part, all but the last
  Buffer<float> weights;  // [channel group][panel][part][z tap][y tap][x tap][input channel][column]
  Buffer<float> bias;     // [channel group][panel][column]
  Buffer<float> slopes;   // the same, for prelu
  Blocks blocks;          // of the current shape
};

bool supports(const Layer& layer, const Options& options);
// Estimated cycles of one run on one thread.
double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options);
Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan);
Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan);
size_t workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan);  // per thread
size_t packed_bytes(const Plan& plan);
void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);

}  // namespace tconv::small_image
