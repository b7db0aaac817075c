// Kernels for avx2. Highway's attributes choose the instruction set for the functions below; the file needs no compiler flag.
#include <hwy/detect_targets.h>
#undef HWY_TARGET
#define HWY_TARGET HWY_AVX2

#define TCONV_FILL_TABLE fill_kernel_table_avx2
#define TCONV_TABLE_TARGET Target::avx2
#define TCONV_TABLE_ACTIVATIONS activations_avx2
#include "arch/kernels/table-inl.hpp"
