#include "bench/arm/markers.hpp"

extern "C" __attribute__((noinline)) void tconv_count_begin() { asm volatile("" ::: "memory"); }
extern "C" __attribute__((noinline)) void tconv_count_end() { asm volatile("" ::: "memory"); }
