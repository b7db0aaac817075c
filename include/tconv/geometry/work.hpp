// How many multiplications a transposed convolution takes, by each of its equivalent forms.
#pragma once

#include <cstdint>

#include "tconv/geometry/axis.hpp"

namespace tconv {

// Multiplications for one image, one input channel and one output channel of its group.
//     zero_insertion = phases + inserted_zeros + border_zeros,    scatter = phases + cropped
struct Multiplications {
  int64_t zero_insertion = 0;  // product of o * k over the axes: the stride-1 convolution over the stretched, padded input
  int64_t inserted_zeros = 0;  // of those: the input factor is a zero put between inputs
  int64_t border_zeros = 0;    // of those: the input factor is a zero put around them
  int64_t phases = 0;          // products of a weight and an input that land in the output: all that is needed
  int64_t scatter = 0;         // product of i * k over the axes: every input times every tap
  int64_t cropped = 0;         // of those: the product lands in the cells that padding cuts off
  // Share of zero insertion's multiplications that meet a zero, 0 to 1.
  double wasted_share() const { return static_cast<double>(inserted_zeros + border_zeros) / static_cast<double>(zero_insertion); }
};

// Counts them for `rank` >= 1 axes, in O(log) steps an axis whatever the sizes.
// Errors: those of output_sizes(), save its limit on output padding; overflow when a count does not fit in 63 bits.
Result<Multiplications> count_multiplications(const Axis* axes, int rank);

}  // namespace tconv
