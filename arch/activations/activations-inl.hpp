// The vector activations, once for all instruction sets. A source file names its instruction set and includes this:
//     #define TCONV_ACTIVATIONS_XSIMD xsimd_avx2                 // the name that namespace xsimd takes in this file
//     #define TCONV_ACTIVATIONS_ARCH xsimd::fma3<xsimd::avx2>    // xsimd's architecture
//     #define TCONV_ACTIVATIONS_FMA(a, b, c) xsimd::fma(a, b, c) // rounded once; not defined where no instruction does that
//     #define TCONV_ACTIVATIONS_TABLE activations_avx2           // the function that returns the table
//
// Such a file is compiled with its own -m flags, so no inline function of a header that other files use may leave it: of the
// copies of a weak symbol the linker keeps any one, and a caller on an older CPU could be given one full of AVX-512. Hence:
// - No std:: functions or containers here, and everything of ours has internal linkage.
// - xsimd's functions are inline templates: weak symbols wherever the compiler does not inline them, and not all of their names
//   contain the architecture. whole_vectors() below is `flatten`, with which GCC inlines everything it calls. Clang promises
//   that for the first level alone, so the macro below renames namespace xsimd, in this file only, to one inside tconv::arch that
//   no other file has: what stayed weak would have a name that occurs once, even in a program that uses xsimd itself.
// tests/activations/check_symbols.cmake looks at the result with nm.
#include <stddef.h>

#include "arch/activations/activations.hpp"

#define xsimd tconv::arch::TCONV_ACTIVATIONS_XSIMD
#pragma GCC visibility push(hidden)
#include <xsimd/xsimd.hpp>
#pragma GCC visibility pop

#if XSIMD_VERSION_MAJOR * 100 + XSIMD_VERSION_MINOR < 801
#error "tconv needs xsimd 8.1 or newer"
#endif

namespace tconv::arch {
namespace {

using Batch = xsimd::batch<float, TCONV_ACTIVATIONS_ARCH>;
constexpr size_t lanes = Batch::size;

// max(x, low), but NaN stays NaN, which the instructions behind xsimd::max do not promise.
inline Batch at_least(Batch x, float low) { return xsimd::select(x < Batch(low), Batch(low), x); }
inline Batch at_most(Batch x, float high) { return xsimd::select(x > Batch(high), Batch(high), x); }

// a * b + c; rounded once only where the instruction set can.
inline Batch multiply_add(Batch a, Batch b, Batch c) {
#ifdef TCONV_ACTIVATIONS_FMA
  return TCONV_ACTIVATIONS_FMA(a, b, c);
#else
  return a * b + c;
#endif
}

// a^2 - square exactly, where square = a * a as rounded: one fused instruction or Dekker's product, for which Veltkamp's splitting
// cuts a into halves of 12 bits whose products are exact (T. J. Dekker, "A floating-point technique for extending the available
// precision", 1971). The latter needs a build that does not contract products and sums.
inline Batch square_error(Batch a, Batch square) {
#ifdef TCONV_ACTIVATIONS_FMA
  return TCONV_ACTIVATIONS_FMA(a, a, -square);
#else
  const Batch scaled = Batch(4097.0f) * a;
  const Batch high = scaled - (scaled - a);
  const Batch low = a - high;
  return ((high * high - square) + Batch(2.0f) * high * low) + low * low;
#endif
}

// exp(x) for x <= 0; 0 where it would be denormal, NaN for NaN. x = n log(2) + r with |r| <= log(2) / 2; the first part of log(2)
// has few enough digits that n times it is exact. exp(r) = 1 + r + r^2 Q(r), Q of degree 4 by Remez' algorithm for the relative
// error: 3.2e-9. xsimd::exp looks at more cases than those, in half as many instructions again.
inline Batch exp_of_negative(Batch x) {
  const Batch n = xsimd::nearbyint(x * Batch(1.44269504f));
  Batch r = multiply_add(n, Batch(-0.693359375f), x);
  r = multiply_add(n, Batch(2.12194440e-4f), r);
  Batch q(0.00138141797f);
  q = multiply_add(q, r, Batch(0.00836891867f));
  q = multiply_add(q, r, Batch(0.0416684076f));
  q = multiply_add(q, r, Batch(0.166665196f));
  q = multiply_add(q, r, Batch(0.49999994f));
  const Batch e = multiply_add(q, r * r, r) + Batch(1.0f);
  return xsimd::select(x < Batch(-87.33654f), Batch(0.0f), xsimd::ldexp(e, xsimd::to_int(n)));
}

// With a = |x|: 1 - 2 e / (1 + e), e = exp(-2 a), and below 0.7, where that cancels, a + a^3 P(a^2), P of degree 5 by Remez'
// algorithm for the relative error: 7.5e-10. Both without a branch, which inputs of both kinds would mislead; then x's sign.
struct Tanh {
  static Batch apply(Batch x, Batch) {
    const Batch one(1.0f);
    const Batch a = xsimd::abs(x);
    const Batch z = x * x;
    Batch p(0.00187228026f);
    p = multiply_add(p, z, Batch(-0.00785274338f));
    p = multiply_add(p, z, Batch(0.0215564128f));
    p = multiply_add(p, z, Batch(-0.0539178289f));
    p = multiply_add(p, z, Batch(0.133329555f));
    p = multiply_add(p, z, Batch(-0.333333224f));
    const Batch near = multiply_add(p, z * a, a);
    const Batch e = exp_of_negative(Batch(-2.0f) * a);
    const Batch far = one - (e + e) / (one + e);
    return xsimd::select(a < Batch(0.7f), near, far) | xsimd::bitofsign(x);
  }
};

// With e = exp(-|x|), which cannot overflow: 1 / (1 + e) for x >= 0 and e / (1 + e) for x < 0.
struct Sigmoid {
  static Batch apply(Batch x, Batch) {
    const Batch one(1.0f);
    const Batch e = exp_of_negative(-xsimd::abs(x));
    return xsimd::select(x < Batch(0.0f), e, one) / (one + e);
  }
};

// x * sigmoid(x). For x < -87 the product x * e, e = exp(-|x|), is still a normal number where e is not any more: from 80 on e
// enters as exp(44.375 - |x|) * exp(-44.375), whose first argument is exact. (In 1 + e it is negligible either way.) Below -110 the
// result rounds to -0; stopping there spares -inf the -inf * 0.
struct Silu {
  static Batch apply(Batch x, Batch) {
    const Batch one(1.0f);
    const Batch y = at_least(x, -110.0f);
    const Batch a = xsimd::abs(y);
    const auto far = a > Batch(80.0f);
    const Batch e = xsimd::exp(xsimd::select(far, Batch(44.375f), Batch(0.0f)) - a);
    const Batch quotient = y / (one + e);
    return xsimd::select(y < Batch(0.0f), quotient * e * xsimd::select(far, Batch(5.34788877e-20f), one), quotient);
  }
};

// gelu(x) = x Phi(x) = max(x, 0) - |x| Phi(-|x|), with Phi(-a) = exp(-a^2 / 2) G(a), where G(a) = exp(a^2 / 2) erfc(a / sqrt(2)) /
// 2 is smooth and falls slowly, from 1/2 like 1 / (a sqrt(2 pi)). Unlike 1 + erf(x / sqrt(2)) nothing cancels for negative x.
// - G(a) = u P(u), u = 1 / (1 + a / 3.5); P of degree 9 by Remez' algorithm for the relative error on 0 <= a <= 14.5: 7.2e-9.
// - The rounding of a^2 would cost exp() up to 60 units in the last place; exp(-error / 2) = 1 - error / 2 takes that back.
// - (a G) is multiplied first: Phi(-a) alone would be denormal before the result is.
// Beyond a = 16 exp() is 0; stopping there spares the infinities inf * 0. Negative x keeps its sign through the products instead of
// by a negation, since xsimd 8.1's is 0 - x on AVX-512 and would lose that of zero.
struct Gelu {
  static Batch apply(Batch x, Batch) {
    const Batch y = at_most(at_least(x, -16.0f), 16.0f);
    const Batch a = xsimd::abs(y);
    const Batch u = Batch(3.5f) / (Batch(3.5f) + a);
    Batch p(-0.0161920472f);
    p = multiply_add(p, u, Batch(0.1037228544f));
    p = multiply_add(p, u, Batch(-0.2510622237f));
    p = multiply_add(p, u, Batch(0.2646115083f));
    p = multiply_add(p, u, Batch(-0.1336710907f));
    p = multiply_add(p, u, Batch(0.1298225103f));
    p = multiply_add(p, u, Batch(0.06720370977f));
    p = multiply_add(p, u, Batch(0.107896863f));
    p = multiply_add(p, u, Batch(0.1136713016f));
    p = multiply_add(p, u, Batch(0.1139966178f));

    const Batch square = a * a;
    const Batch e = xsimd::exp(Batch(-0.5f) * square);
    const Batch tail = (y * u) * p * multiply_add(Batch(-0.5f) * square_error(a, square), e, e);
    return xsimd::select(x > Batch(0.0f), x - tail, tail);
  }
};

struct Elu {
  static Batch apply(Batch x, Batch alpha) { return xsimd::select(x >= Batch(0.0f), x, alpha * xsimd::expm1(x)); }
};

// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).
struct Softplus {
  static Batch apply(Batch x, Batch) { return at_least(x, 0.0f) + xsimd::log1p(xsimd::exp(-xsimd::abs(x))); }
};

// The one copy of a function's instructions. Were it inlined twice, the compiler could order the operands differently in the two,
// and a NaN's sign would tell (Clang 14 did that).
template <class Function>
__attribute__((noinline, flatten)) void whole_vectors(float* x, size_t count, float alpha) {
  const Batch scale(alpha);
  for (size_t i = 0; i < count; ++i, x += lanes) Function::apply(Batch::load_unaligned(x), scale).store_unaligned(x);
}

// The last n % lanes elements go through the same instructions in a vector of their own: the result of an element depends neither
// on its place nor on its neighbours.
template <class Function>
void over_range(float* x, size_t n, float alpha) {
  whole_vectors<Function>(x, n / lanes, alpha);
  const size_t left = n % lanes;
  if (left == 0) return;
  float last[lanes] = {};
  float* rest = x + (n - left);
  for (size_t i = 0; i < left; ++i) last[i] = rest[i];
  whole_vectors<Function>(last, 1, alpha);
  for (size_t i = 0; i < left; ++i) rest[i] = last[i];
}

constexpr ActivationTable table = {over_range<Tanh>, over_range<Sigmoid>, over_range<Silu>,
                                   over_range<Gelu>, over_range<Elu>,     over_range<Softplus>};

}  // namespace

const ActivationTable& TCONV_ACTIVATIONS_TABLE() { return table; }

}  // namespace tconv::arch
