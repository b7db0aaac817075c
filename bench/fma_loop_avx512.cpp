#include "hwy/detect_targets.h"
#undef HWY_TARGET
#define HWY_TARGET HWY_AVX3
#define TCONV_BENCH_FMA_LOOP fma_loop_avx512
#include "bench/fma_loop-inl.hpp"
