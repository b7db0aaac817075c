// The same layer by zero insertion, on the same kernels: the honest price of the textbook way.
#pragma once

#include <vector>

#include "tconv/conv_transpose.hpp"
#include "tools/support/parallel_for.hpp"

namespace tools::explain {

struct Comparison {
  double phases_seconds = 0;       // medians
  double insertion_seconds = 0;    // writing the stretched input
  double convolution_seconds = 0;  // the stride-1 operator on it
  int64_t stretched_bytes = 0;     // the tensor that the phases never build
  double largest_difference = 0;   // between the two results
  double tolerance = 0;            // what rounding explains
  tconv::Algorithm convolution_algorithm = tconv::Algorithm::automatic;
};

// Runs the layer both ways `repeats` times on random data (seed 1) and compares the results. Activations and the residual are
// left out of both. Throws Error(bad_input) for a layer that cannot be done, or whose tensors exceed `memory_limit` bytes.
Comparison compare_with_zero_insertion(const tconv::Description& description, const tconv::Options& options, int repeats,
                                       int64_t memory_limit, ThreadPool* pool);

}  // namespace tools::explain
