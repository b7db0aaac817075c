#include "hwy/detect_targets.h"
#undef HWY_TARGET
#define HWY_TARGET HWY_SSE4
#define TCONV_BENCH_FMA_LOOP fma_loop_sse4
#include "bench/fma_loop-inl.hpp"
