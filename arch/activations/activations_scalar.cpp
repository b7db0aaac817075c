// The C library's functions in double precision, rounded once: half a unit in the last place.
#include <math.h>

#include "arch/activations/activations.hpp"

namespace tconv::arch {
namespace {

// exp(-x) reaches infinity below -709; x / infinity is the right -0, except for x = -inf itself.
double silu(double x) { return x < -800.0 ? -0.0 : x / (1.0 + exp(-x)); }

// x / 2 * erfc(-x / sqrt(2)): erfc keeps its precision where 1 + erf cancels.
double gelu(double x) { return x < -800.0 ? -0.0 : 0.5 * x * erfc(-0.70710678118654752440 * x); }

double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }

double softplus(double x) { return (x < 0.0 ? 0.0 : x) + log1p(exp(-fabs(x))); }

template <double (*function)(double)>
void over_range(float* x, size_t n, float) {
  for (size_t i = 0; i < n; ++i) x[i] = static_cast<float>(function(x[i]));
}

void elu_over_range(float* x, size_t n, float alpha) {
  for (size_t i = 0; i < n; ++i) {
    if (!(x[i] >= 0.0f)) x[i] = static_cast<float>(alpha * expm1(static_cast<double>(x[i])));
  }
}

constexpr ActivationTable table = {over_range<tanh>, over_range<sigmoid>, over_range<silu>,
                                   over_range<gelu>, elu_over_range,      over_range<softplus>};

}  // namespace

const ActivationTable& activations_scalar() { return table; }

}  // namespace tconv::arch
