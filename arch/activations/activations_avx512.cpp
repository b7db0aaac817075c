// AVX-512 F, CD, BW, DQ and VL: sixteen floats a vector.
//
// xsimd 8.1's fma() is a product and a sum here (later versions use the instruction), so this file alone is compiled with
// -ffp-contract=fast, which puts the two together again: a third less time.
#define TCONV_ACTIVATIONS_XSIMD xsimd_avx512
#define TCONV_ACTIVATIONS_ARCH xsimd::avx512bw
#define TCONV_ACTIVATIONS_FMA(a, b, c) Batch(_mm512_fmadd_ps(a, b, c))
#define TCONV_ACTIVATIONS_TABLE activations_avx512
#include "arch/activations/activations-inl.hpp"
