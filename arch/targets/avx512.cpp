// Kernels for avx512. Highway's attributes choose the instruction set for the functions below; the file needs no compiler flag.
#include <hwy/detect_targets.h>
#undef HWY_TARGET
#define HWY_TARGET HWY_AVX3

#define TCONV_FILL_TABLE fill_kernel_table_avx512
#define TCONV_TABLE_TARGET Target::avx512
#define TCONV_TABLE_ACTIVATIONS activations_avx512
#include "arch/kernels/table-inl.hpp"
