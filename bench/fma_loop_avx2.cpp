#include "hwy/detect_targets.h"
#undef HWY_TARGET
#define HWY_TARGET HWY_AVX2
#define TCONV_BENCH_FMA_LOOP fma_loop_avx2
#include "bench/fma_loop-inl.hpp"
