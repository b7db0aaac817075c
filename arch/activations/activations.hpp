// Transcendental activations on a run of floats: tanh, sigmoid, SiLU, GELU, ELU, softplus, one table per instruction set.
// (The clamp-like ones, relu to hard-swish, are fused into the kernels and are not here.)
#pragma once

#include <stddef.h>

namespace tconv::arch {

// x[i] = f(x[i]) for i in [0, n). Any alignment, any n; nothing outside [x, x + n) is read or written. `alpha` is ELU's scale
// and is ignored by the others.
//
// - x[i] alone decides the result: bit for bit the same at every offset in the range and however the range is split.
// - NaN gives NaN.
// - Limits at infinity are those of the function: silu(-inf) = gelu(-inf) = -0 (the textbook formulas give NaN there).
// - The sign of zero is kept where f(0) = 0: f(-0) = -0 for tanh, silu, gelu and elu.
using ActivationFunction = void (*)(float* x, size_t n, float alpha);

// Largest error, in units in the last place (ulp) of the exact value: measured with xsimd 8.1 against double precision, on x86 over
// all floats of magnitude 2^-40 to 128, on NEON (where xsimd 8.1 divides by Newton's iteration) over a sample; the tests hold every
// target to these figures over a dense sample of all floats (tests/activations/). On top comes the smallest normal float, 1.2e-38
// (for elu times max(1, |alpha|)): a vector target may return 0 where the exact value, or for ARMv7 the argument, is denormal.
//
//               tanh  sigmoid  silu  gelu  elu  softplus
//     x86        1.4      2.6   3.7   7.3  2.5       2.0
//     NEON       2.0      4.0   5.0  10.0  2.5       2.5
//     scalar     0.51 each
struct ActivationTable {
  ActivationFunction tanh;      // tanh(x)
  ActivationFunction sigmoid;   // 1 / (1 + exp(-x))
  ActivationFunction silu;      // x / (1 + exp(-x))
  ActivationFunction gelu;      // x / 2 * (1 + erf(x / sqrt(2)))
  ActivationFunction elu;       // x >= 0 ? x : alpha * (exp(x) - 1)
  ActivationFunction softplus;  // log(1 + exp(x))
};

// Functions and table are compiled with the instruction set's flags: ask only for one that the CPU has (arch/detect.hpp).
const ActivationTable& activations_scalar();
#if defined(__x86_64__) || defined(__i386__)
const ActivationTable& activations_sse4();    // SSSE3, SSE4.1
const ActivationTable& activations_avx2();    // AVX2, FMA
const ActivationTable& activations_avx512();  // AVX-512 F, CD, BW, DQ, VL
#elif defined(__aarch64__) || defined(__arm__)
const ActivationTable& activations_neon();  // ARMv7: NEON with VFPv4
#endif

}  // namespace tconv::arch
