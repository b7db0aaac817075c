// Outputs written past the caches (non-temporal stores): what no cache would keep until it is read again is not fetched before it
// is overwritten. It pays where whole lines are written and the tensor is large: an operator with short sums and a first reading of
// its output took 4 to 8 % less time together from four times L2 on (Intel, 2 MiB of L2), and up to 40 % more below that.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tconv/targets.hpp"
#include "weight_stream.hpp"

namespace tconv {

constexpr int64_t line_floats = 16;

// Is a tensor so large that caches hold little of it when its writer is done? What it is made from needs room, too.
inline bool worth_streaming(const CacheSizes& cache, int64_t floats) {
  const double kept = std::max(4.0 * static_cast<double>(cache.l2), std::min(static_cast<double>(cache.l3), most_l3) / 3);
  return static_cast<double>(floats) * sizeof(float) >= kept;
}

inline bool line_aligned(const float* p) { return reinterpret_cast<uintptr_t>(p) % (line_floats * sizeof(float)) == 0; }

// Before another thread may read what this one streamed.
inline void fence_streamed_stores() {
#ifdef __SSE__
  __builtin_ia32_sfence();
#endif
}

}  // namespace tconv
