// Copies of input rows: pixels (or channel rows) with zeros beside the image, the input activation applied.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/kernel_table.hpp"
#include "layer.hpp"

namespace tconv {

// x[i] = f(x[i]) with the layer's input activation (none, relu, leaky_relu, elu; all keep zeros).
void activate_input(const Layer& layer, const arch::KernelTable& kernels, float* x, size_t n);

// Copies the pixels [first, last) of one row, the channels of one group beside each other, pixels `pitch` apart; zeros outside
// [0, width). `row` is pixel 0, first channel of the group; a planar row is transposed.
void copy_pixels(const Layer& layer, const arch::KernelTable& kernels, const float* row, int64_t first, int64_t last, int64_t pitch,
                 float* to);

// Copies [first, last) of one channel of a row; zeros outside [0, width). `row` is pixel 0 of the channel.
void copy_channel_row(const Layer& layer, const arch::KernelTable& kernels, const float* row, int64_t first, int64_t last,
                      float* to);

// Copies `blocks` blocks of `block` pixels from `first` on as [block][channel][pixel]; zeros from `width` on. `row` is pixel 0,
// first channel of the group.
void copy_blocks(const Layer& layer, const arch::KernelTable& kernels, const float* row, int64_t first, int64_t blocks,
                 int64_t block, float* to);

}  // namespace tconv
