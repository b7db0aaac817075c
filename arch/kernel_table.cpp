#include "arch/kernel_table.hpp"

namespace tconv::arch {

// Each is defined in arch/targets/.
void fill_kernel_table_scalar(KernelTable* table);
void fill_kernel_table_sse4(KernelTable* table);
void fill_kernel_table_avx2(KernelTable* table);
void fill_kernel_table_avx512(KernelTable* table);
void fill_kernel_table_neon(KernelTable* table);

bool kernel_table(Target target, KernelTable* table) {
  switch (target) {
#if TCONV_HAVE_SCALAR
    case Target::scalar:
      fill_kernel_table_scalar(table);
      return true;
#endif
#if TCONV_HAVE_SSE4
    case Target::sse4:
      fill_kernel_table_sse4(table);
      return true;
#endif
#if TCONV_HAVE_AVX2
    case Target::avx2:
      fill_kernel_table_avx2(table);
      return true;
#endif
#if TCONV_HAVE_AVX512
    case Target::avx512:
      fill_kernel_table_avx512(table);
      return true;
#endif
#if TCONV_HAVE_NEON
    case Target::neon:
      fill_kernel_table_neon(table);
      return true;
#endif
    default:
      return false;
  }
}

bool kernel_table_compiled(Target target) {
  switch (target) {
    case Target::scalar:
      return TCONV_HAVE_SCALAR;
    case Target::sse4:
      return TCONV_HAVE_SSE4;
    case Target::avx2:
      return TCONV_HAVE_AVX2;
    case Target::avx512:
      return TCONV_HAVE_AVX512;
    case Target::neon:
      return TCONV_HAVE_NEON;
    default:
      return false;
  }
}

}  // namespace tconv::arch
