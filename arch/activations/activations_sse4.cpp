// SSE4.1 (with SSSE3): four floats a vector, no fused multiply-add.
#define TCONV_ACTIVATIONS_XSIMD xsimd_sse4
#define TCONV_ACTIVATIONS_ARCH xsimd::sse4_1
#define TCONV_ACTIVATIONS_TABLE activations_sse4
#include "arch/activations/activations-inl.hpp"
