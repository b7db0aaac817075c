// Planar where rows are narrow: vectors run across the ends of image rows.
//
// Image rows follow each other without a gap, as they lie in the planes of NCHW or in copies (of NHWC's pixels: transposed),
//
//     plane(ci)[(iy - first) * width + x]
//
// so a tap of y is a shift by whole rows, and T of several output rows of one y-phase is one matrix product: one call for each
// block of its rows, and no vector but the last is cut. Taps of x that reach beyond their image row would meet its neighbour in T;
// where rows overlap, vectors at the ends of an image row take zeros instead. All rows of a band are finished in one call for each
// channel. Output rows that do not meet the same taps of y (at the borders of the image) are made one after the other.
//
// Where all phases of a period meet one and the same input row (no tap of y is a shift), NHWC's pixels are copied to the blocks of
// columns that single rows use: a channel's next column block lies beside the other channels'.
#pragma once

#include "arch/kernel_table.hpp"
#include "layer.hpp"
#include "planar.hpp"

namespace tconv::planar {

// `periods` is 0 where single rows are estimated to be as fast. in_place: input rows may be read where they lie.
Bands choose_bands(const Layer& layer, const arch::KernelTable& kernels, const Options& options, int64_t chunk_channels,
                   bool in_place);
// May they be, if they are good to read in place at all?
bool bands_in_place(const Layer& layer, const arch::KernelTable& kernels);

// What run() does where plan.bands.periods != 0.
void run_bands(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments);

}  // namespace tconv::planar
