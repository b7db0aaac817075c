// What this machine can do at best, measured in this process: the two rulers of every row of the report.
#pragma once

#include <cstdint>
#include <string>

#include "tconv/conv_transpose.hpp"

namespace tconv::bench {

// Multiply-adds a second of all threads together with this target's vectors, in GFLOP/s (a multiply-add counts two): the best of
// several calibrated windows that together take about `seconds`. 0 when this build has no loop for the target.
double measure_fma_peak(Target target, double seconds, const Parallelism& parallelism);

// Rate at which all threads together copy memory, in bytes read plus bytes written a second, for a copy that touches `bytes` in all
// (source plus destination): from cache for small tensors, from memory for large ones. Remembered per power of two.
double copy_bandwidth(double bytes, const Parallelism& parallelism);

// "GCC 12.2.0", "Clang 14.0.6".
std::string compiler();
// The model name in /proc/cpuinfo, or the machine's architecture.
std::string cpu_name();
// Restricts this process to `count` CPUs from the first one that it may use (or from `first`). "" or an error.
std::string pin(int first, int count);

// One function per target, fma_loop_*.cpp. sink: factor, summand, 14 start values, and room for one result.
double fma_loop_scalar(int64_t rounds, float* sink);
double fma_loop_sse4(int64_t rounds, float* sink);
double fma_loop_avx2(int64_t rounds, float* sink);
double fma_loop_avx512(int64_t rounds, float* sink);
double fma_loop_neon(int64_t rounds, float* sink);

}  // namespace tconv::bench
