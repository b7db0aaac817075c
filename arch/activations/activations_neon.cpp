// NEON: four floats a vector. ARMv7's flushes denormals to zero and divides by Newton's iteration.
#define TCONV_ACTIVATIONS_XSIMD xsimd_neon
#if defined(__aarch64__)
#define TCONV_ACTIVATIONS_ARCH xsimd::neon64
#else
#define TCONV_ACTIVATIONS_ARCH xsimd::neon
#endif
#define TCONV_ACTIVATIONS_FMA(a, b, c) xsimd::fma(a, b, c)
#define TCONV_ACTIVATIONS_TABLE activations_neon
#include "arch/activations/activations-inl.hpp"
