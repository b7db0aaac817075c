// What it costs to read packed weights that no near cache holds.
#pragma once

#include "tconv/targets.hpp"

namespace tconv {

// Bytes a cycle that one core reads in order: from L3, and from memory. Measured: 7 to 8 and 5 to 6 (Sapphire Rapids), 24 and 8.5
// (Zen 3).
constexpr double l3_bytes_per_cycle = 8;
constexpr double memory_bytes_per_cycle = 5;

// Cycles to read `bytes` of weights once, of which half of L2 keeps some from one time to the next.
inline double stream_cycles(const CacheSizes& cache, double bytes) {
  const double kept = 0.5 * static_cast<double>(cache.l2);
  if (bytes <= kept) return 0;
  return (bytes - kept) / (bytes <= 0.75 * static_cast<double>(cache.l3) ? l3_bytes_per_cycle : memory_bytes_per_cycle);
}

}  // namespace tconv
