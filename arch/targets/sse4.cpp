// Kernels for sse4. Highway's attributes choose the instruction set for the functions below; the file needs no compiler flag.
#include <hwy/detect_targets.h>
#undef HWY_TARGET
#define HWY_TARGET HWY_SSE4

#define TCONV_FILL_TABLE fill_kernel_table_sse4
#define TCONV_TABLE_TARGET Target::sse4
#define TCONV_TABLE_ACTIVATIONS activations_sse4
#include "arch/kernels/table-inl.hpp"
