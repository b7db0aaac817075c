// What it costs that the input and the output of a product do not lie in L2.
#pragma once

#include <algorithm>

#include "arch/kernel_table.hpp"
#include "layer.hpp"

namespace tconv {

// Cycles that vectors of a whole cache line wait, measured (NHWC); narrower ones leave time enough for the next line to come.
inline double waiting_cycles(const Layer& layer, const arch::KernelTable& kernels, const CacheSizes& cache) {
  if (layer.description.layout != Layout::nhwc || kernels.lanes <= 8) return 0;
  const double bytes = static_cast<double>(layer.geometry.input_elements + layer.geometry.output_elements) * sizeof(float);
  return 0.1 * std::max(0.0, bytes - 0.5 * static_cast<double>(cache.l2));
}

}  // namespace tconv
