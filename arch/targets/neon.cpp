// Kernels for neon. Highway's attributes choose the instruction set for the functions below; the file needs no compiler flag.
#include <hwy/detect_targets.h>
#undef HWY_TARGET
#define HWY_TARGET HWY_NEON

#define TCONV_FILL_TABLE fill_kernel_table_neon
#define TCONV_TABLE_TARGET Target::neon
#define TCONV_TABLE_ACTIVATIONS activations_neon
#include "arch/kernels/table-inl.hpp"
