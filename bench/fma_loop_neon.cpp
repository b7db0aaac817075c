// ARM: NEON is the baseline of the build (on ARMv7 the toolchain file asks for it).
#include "hwy/detect_targets.h"
#undef HWY_TARGET
#define HWY_TARGET HWY_NEON
#define TCONV_BENCH_FMA_LOOP fma_loop_neon
#include "bench/fma_loop-inl.hpp"
