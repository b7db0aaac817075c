// AVX2 with FMA: eight floats a vector.
#define TCONV_ACTIVATIONS_XSIMD xsimd_avx2
#define TCONV_ACTIVATIONS_ARCH xsimd::fma3<xsimd::avx2>
#define TCONV_ACTIVATIONS_FMA(a, b, c) xsimd::fma(a, b, c)
#define TCONV_ACTIVATIONS_TABLE activations_avx2
#include "arch/activations/activations-inl.hpp"
