// The loop behind the FMA peak: independent accumulators, nothing but multiply-adds on registers. Included once per target by
// fma_loop_TARGET.cpp, which sets HWY_TARGET and TCONV_BENCH_FMA_LOOP, the name of the function.
//
// 14 chains: two FMA ports times four cycles of latency need 8; where multiply and add are two instructions (SSE4) the latency is 8
// cycles and 14 chains of two still keep both ports busy. 14 + 2 constants fit the 16 registers of the smallest target.
#include "bench/machine.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tconv::bench {

// Returns the floating-point operations done.
double TCONV_BENCH_FMA_LOOP(int64_t rounds, float* sink) {
  namespace hn = hwy::HWY_NAMESPACE;
#if HWY_TARGET == HWY_SCALAR
  const HWY_CAPPED(float, 1) d;
#else
  const HWY_FULL(float) d;
#endif
  // Nothing here is known to the compiler, and all chains differ: equal ones would be merged into one. x is below 1, so that
  // nothing overflows or becomes denormal.
  const auto x = hn::Set(d, sink[0]);
  const auto y = hn::Set(d, sink[1]);
  auto a0 = hn::Set(d, sink[2]), a1 = hn::Set(d, sink[3]), a2 = hn::Set(d, sink[4]), a3 = hn::Set(d, sink[5]);
  auto a4 = hn::Set(d, sink[6]), a5 = hn::Set(d, sink[7]), a6 = hn::Set(d, sink[8]), a7 = hn::Set(d, sink[9]);
  auto a8 = hn::Set(d, sink[10]), a9 = hn::Set(d, sink[11]), a10 = hn::Set(d, sink[12]), a11 = hn::Set(d, sink[13]);
  auto a12 = hn::Set(d, sink[14]), a13 = hn::Set(d, sink[15]);
  for (int64_t i = 0; i < rounds; ++i) {
    // acc = acc * x + y: the product depends on the chain, so it cannot be hoisted out of the loop.
    a0 = hn::MulAdd(a0, x, y), a1 = hn::MulAdd(a1, x, y), a2 = hn::MulAdd(a2, x, y), a3 = hn::MulAdd(a3, x, y);
    a4 = hn::MulAdd(a4, x, y), a5 = hn::MulAdd(a5, x, y), a6 = hn::MulAdd(a6, x, y), a7 = hn::MulAdd(a7, x, y);
    a8 = hn::MulAdd(a8, x, y), a9 = hn::MulAdd(a9, x, y), a10 = hn::MulAdd(a10, x, y), a11 = hn::MulAdd(a11, x, y);
    a12 = hn::MulAdd(a12, x, y), a13 = hn::MulAdd(a13, x, y);
  }
  const auto sum = hn::Add(hn::Add(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)), hn::Add(hn::Add(a4, a5), hn::Add(a6, a7))),
                           hn::Add(hn::Add(hn::Add(a8, a9), hn::Add(a10, a11)), hn::Add(a12, a13)));
  sink[16] = hn::GetLane(sum);
  return 2.0 * 14.0 * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

}  // namespace tconv::bench
HWY_AFTER_NAMESPACE();
