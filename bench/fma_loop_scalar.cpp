// Compiled without vectorisation (see CMakeLists.txt), as the library's scalar target is.
#define HWY_COMPILE_ONLY_SCALAR
#define TCONV_BENCH_FMA_LOOP fma_loop_scalar
#include "bench/fma_loop-inl.hpp"
