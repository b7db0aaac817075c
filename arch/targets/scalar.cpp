// Kernels in plain scalar arithmetic: one lane, any CPU.
#define HWY_COMPILE_ONLY_SCALAR
#define TCONV_FILL_TABLE fill_kernel_table_scalar
#define TCONV_TABLE_TARGET Target::scalar
#define TCONV_TABLE_ACTIVATIONS activations_scalar
#include "arch/kernels/table-inl.hpp"
