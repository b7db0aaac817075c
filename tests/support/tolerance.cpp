#include "support/tolerance.hpp"

#include <cfloat>
#include <cmath>

namespace tconv_test {

using Kind = tconv::ActivationKind;

double gamma(double n, double roundoff) { return n * roundoff / (1 - n * roundoff); }

double lipschitz(const tconv::Activation& f, int64_t channel) {
  switch (f.kind) {
    case Kind::leaky_relu:
    case Kind::elu:
      return std::fmax(1, std::fabs(f.alpha));
    case Kind::prelu:
      return std::fmax(1, std::fabs(f.slopes[channel]));
    case Kind::sigmoid:
      return 0.25;
    case Kind::silu:
      return 1.0999;
    case Kind::gelu:
      return 1.129;
    case Kind::hard_swish:
      return 1.5;
    default:
      return 1;
  }
}

// In units of 2 * u (an error of n ULP is at most n * 2 * u * |value|):
//   leaky_relu, prelu  one product: half.   hard_swish  x / 6 + 1/2 in two roundings, the product and the rounded 1/6: 2.5.
//   tanh, sigmoid, silu, softplus  4 ULP: exp (1.5 ULP), an addition, a division or a logarithm (1 ULP), a product.
//   elu   alpha * (exp(x) - 1): 4 ULP of the value, and 1 of alpha where the subtraction cancels.
//   gelu  x / 2 * (1 + erf): erf (2.4 ULP) and the addition are absolute errors next to 1, so 4 ULP of the value and 3 of x / 2.
// Results below FLT_MIN may be flushed to zero.
double activation_error(const tconv::Activation& f, double s, int64_t channel) {
  const double value = std::fabs(activate(f, s, channel));
  const double ulp = 2 * unit_roundoff;
  switch (f.kind) {
    case Kind::leaky_relu:
    case Kind::prelu:
      return s < 0 ? 0.5 * ulp * value + FLT_MIN : 0;
    case Kind::hard_swish:
      return s > -3 && s < 3 ? 2.5 * ulp * std::fmax(value, std::fabs(s) / 2) + FLT_MIN : ulp * value + FLT_MIN;
    case Kind::tanh:
    case Kind::sigmoid:
    case Kind::softplus:
      return 4 * ulp * value + FLT_MIN;
    case Kind::silu:
      return 4 * ulp * value + FLT_MIN * std::fmax(1, std::fabs(s));
    case Kind::elu:
      return s < 0 ? ulp * (4 * value + std::fabs(f.alpha)) + FLT_MIN : 0;
    case Kind::gelu:
      return ulp * (4 * value + 3 * std::fabs(s) / 2) + FLT_MIN;
    default:
      return 0;
  }
}

namespace {

Doubles magnitudes(Doubles values) {
  for (double& v : values) v = std::fabs(v);
  return values;
}

}  // namespace

Expectation expect(const LayerSizes& z, const tconv::Description& d, const Doubles& x, const Doubles& w, const Doubles& bias,
                   const Doubles& residual, bool exact) {
  const Doubles active = activate_input(d.input_activation, x);
  const Doubles sums = scatter_oracle(z, active, w);
  Expectation e;
  e.value = finish(z, d.activation, sums, bias, residual);
  e.bound.assign(e.value.size(), 0.0);
  const tconv::Activation identity;
  e.sum = finish(z, identity, sums, bias, residual);
  const Doubles& before = e.sum;
  Doubles sum_error(e.value.size(), 0.0);
  if (!exact) {
    const Doubles magnitude =
        finish(z, identity, scatter_oracle(z, magnitudes(active), magnitudes(w)), magnitudes(bias), magnitudes(residual));
    const Doubles terms = scatter_oracle(z, Doubles(x.size(), 1.0), Doubles(w.size(), 1.0));
    Doubles input_error(x.size(), 0.0);
    for (size_t i = 0; i < x.size(); ++i) input_error[i] = activation_error(d.input_activation, x[i], 0);
    const bool input_rounds = d.input_activation.kind == Kind::leaky_relu || d.input_activation.kind == Kind::elu;
    const Doubles from_input = input_rounds ? scatter_oracle(z, input_error, magnitudes(w)) : Doubles(e.value.size(), 0.0);
    for (size_t i = 0; i < sum_error.size(); ++i) {
      const double n = terms[i] + 2;
      sum_error[i] = (gamma(n) + gamma(n, DBL_EPSILON / 2)) * (magnitude[i] + from_input[i]) + from_input[i];
    }
  }
  for (size_t i = 0; i < e.bound.size(); ++i) {
    const int64_t channel = static_cast<int64_t>(i) / z.output_cells() % z.out_channels;
    // The float sum lies within sum_error of s, so f~ is applied somewhere there; its own error grows with |s| at most linearly.
    const double reach = std::fabs(before[i]) + sum_error[i];
    const double own =
        std::fmax(activation_error(d.activation, before[i], channel),
                  std::fmax(activation_error(d.activation, std::copysign(reach, before[i]), channel),
                            activation_error(d.activation, before[i] - std::copysign(sum_error[i], before[i]), channel)));
    e.bound[i] = lipschitz(d.activation, channel) * sum_error[i] + own;
    // An infinite sum under a bounded function: the limit itself, within the function's ULPs.
    if (!std::isfinite(before[i])) e.bound[i] = 4 * 2 * unit_roundoff * std::fabs(e.value[i]) + FLT_MIN;
  }
  return e;
}

}  // namespace tconv_test
