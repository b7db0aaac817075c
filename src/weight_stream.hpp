// What it costs to read packed weights that no near cache holds.
#pragma once

#include <algorithm>

#include "tconv/targets.hpp"

namespace tconv {

// Bytes a cycle that one core reads in order: from L3, and from memory. Measured: 7 to 8 and 4 to 6 (Sapphire Rapids), 24 and 8.5
// (Zen 3).
constexpr double l3_bytes_per_cycle = 8;
constexpr double memory_bytes_per_cycle = 4;

// A core's share of a server's L3 is not known: no more than this is counted on.
constexpr double most_l3 = 32 << 20;

// Cycles to read `bytes` of weights once, in turn again and again: half of L2 keeps them, or the less of them the more they exceed
// it.
inline double stream_cycles(const CacheSizes& cache, double bytes) {
  const double kept = 0.5 * static_cast<double>(cache.l2);
  if (bytes <= kept) return 0;
  const double l3 = std::min(0.75 * static_cast<double>(cache.l3), most_l3);
  return (bytes - kept * kept / bytes) / (bytes <= l3 ? l3_bytes_per_cycle : memory_bytes_per_cycle);
}

}  // namespace tconv
