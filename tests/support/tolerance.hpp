// How far the operator may be from the double-precision oracle: the one place where it is derived.
//
// With u = 2^-24 (half of float's epsilon) and gamma(n) = n * u / (1 - n * u):
//
// The sum. An output is the sum of m products, the bias and the residual: m + 2 terms. Each product is rounded at most once (not at
//   all by a fused multiply-add) and passes through at most m + 1 additions, whatever their order, so by Higham, "Accuracy and
//   Stability of Numerical Algorithms", section 3.1, |error| <= gamma(m + 2) * (sum |x * w| + |bias| + |residual|).
//   m is counted and the sum of magnitudes computed by the scatter oracle, for every output element. Adding zeros is exact.
//   The oracle's own error has the same form with 2^-53.
//   When all data are small whole numbers every partial sum is exact in float, and the bound is 0: equality is demanded.
// The activation on the input changes x by at most input_activation_error(x); the sum by the scatter of that with |w|.
// The activation f: |f~(s~) - f(s)| <= L * |s~ - s| + activation_error(s), with L the Lipschitz constant of f and f~'s own error.
//
// Winograd and Strassen do not satisfy the bound of the sum; winograd_bounds.hpp and strassen_bounds.hpp have their own.
#pragma once

#include "support/oracle.hpp"
#include "tconv/types.hpp"

namespace tconv_test {

constexpr double unit_roundoff = 1.0 / 16777216;  // 2^-24

double gamma(double n, double roundoff = unit_roundoff);

// sup |f'|. tanh, softplus: 1; sigmoid: 1/4 at 0; hard_swish: 3/2 at 3; silu: 1.0998 at 2.3994; gelu: 1.1289 at sqrt(2).
double lipschitz(const tconv::Activation& activation, int64_t channel);

// |f~(s) - f(s)| for a float s: the accuracy that the library's activations are held to, see tolerance.cpp.
double activation_error(const tconv::Activation& activation, double s, int64_t channel);

// What the oracle says and how far from it a float result may be, element by element.
struct Expectation {
  Doubles value;
  Doubles bound;
  Doubles sum;             // before the activation
  std::vector<bool> free;  // anything may stand there; empty: nowhere
};

// `exact`: x, w, bias and residual are whole numbers whose sums stay below 2^24 (and no activation on the input that rounds).
Expectation expect(const LayerSizes& sizes, const tconv::Description& description, const Doubles& x, const Doubles& w,
                   const Doubles& bias, const Doubles& residual, bool exact);

}  // namespace tconv_test
