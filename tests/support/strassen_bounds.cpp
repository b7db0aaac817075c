#include "support/strassen_bounds.hpp"

#include <algorithm>
#include <cmath>

namespace tconv_test {
namespace {

constexpr double amplification = 18;

// Largest finite magnitude in each of `parts` pieces of the same size.
Doubles largest(const Doubles& numbers, int64_t parts) {
  Doubles result(static_cast<size_t>(parts), 0.0);
  const size_t size = numbers.size() / result.size();
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (std::isfinite(numbers[i])) result[i / size] = std::max(result[i / size], std::fabs(numbers[i]));
  }
  return result;
}

// Frees the outputs of images with NaN or infinity.
void mark_free(const LayerSizes& z, const Doubles& active, Expectation* e) {
  const size_t inputs = active.size() / static_cast<size_t>(z.batch);
  const size_t outputs = e->value.size() / static_cast<size_t>(z.batch);
  Doubles nan_inputs(active.size(), 0.0);
  bool any = false;
  for (size_t i = 0; i < active.size(); ++i) {
    if (std::isfinite(active[i])) continue;
    nan_inputs[i] = std::isnan(active[i]) ? 1 : 0;
    any = true;
    e->free.resize(e->value.size(), false);
    std::fill_n(e->free.begin() + static_cast<std::ptrdiff_t>(i / inputs * outputs), outputs, true);
  }
  if (!any) return;
  const Doubles ones(static_cast<size_t>(z.weight_elements()), 1.0);
  const Doubles from_nan = scatter_oracle(z, nan_inputs, ones);
  for (size_t i = 0; i < from_nan.size(); ++i) {
    if (from_nan[i] > 0) e->free[i] = false;  // the definition's NaN stands
  }
}

}  // namespace

Expectation expect_strassen(const Expectation& direct, const LayerSizes& z, const tconv::Description& d, bool exact,
                            const Doubles& x, const Doubles& w) {
  Expectation e = direct;
  const Doubles active = activate_input(d.input_activation, x);
  mark_free(z, active, &e);
  if (exact) return e;
  const Doubles input = largest(active, z.batch * z.in_channels);
  const Doubles weight = largest(w, z.in_channels);
  // The error of the activation on the input is far below 8 ULP of the largest input.
  const double relative = amplification * (gamma(static_cast<double>(2 * z.in_channels + 8)) +
                                           (d.input_activation.kind != tconv::ActivationKind::none ? gamma(16) : 0));
  const size_t half = static_cast<size_t>(z.in_channels / 2);
  const size_t outputs = e.value.size() / static_cast<size_t>(z.batch);
  for (int64_t n = 0; n < z.batch; ++n) {
    const double* const channel = &input[static_cast<size_t>(n * z.in_channels)];
    double sum = 0;
    for (size_t k = 0; k < half; ++k) sum += std::max(channel[k], channel[half + k]) * std::max(weight[k], weight[half + k]);
    const double more = relative * sum;
    for (size_t i = static_cast<size_t>(n) * outputs; i < static_cast<size_t>(n + 1) * outputs; ++i) {
      if (!std::isfinite(e.value[i])) continue;
      const int64_t c = static_cast<int64_t>(i) / z.output_cells() % z.out_channels;
      e.bound[i] += lipschitz(d.activation, c) * more + std::max(activation_error(d.activation, e.sum[i] + more, c),
                                                                 activation_error(d.activation, e.sum[i] - more, c));
    }
  }
  return e;
}

}  // namespace tconv_test
