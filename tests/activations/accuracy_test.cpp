// Every activation on every target against double precision, over a dense sample of all floats.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/activations/activation_cases.hpp"

namespace tconv::test {
namespace {

constexpr double smallest_normal = std::numeric_limits<float>::min();

// The distance of the bit patterns that are tried: a prime, so that mantissas vary. TCONV_TEST_QUICK tries fewer (sanitizers,
// emulators), TCONV_ACTIVATION_STRIDE says how many.
uint64_t sample_stride() {
  const char* wanted = std::getenv("TCONV_ACTIVATION_STRIDE");
  const long stride = wanted ? std::atol(wanted) : 0;
  if (stride > 0) return static_cast<uint64_t>(stride);
  return std::getenv("TCONV_TEST_QUICK") ? 30011 : 997;
}

// Every stride-th bit pattern of a float, NaNs included, and 4,096 neighbours on each side of the places where formulas change or
// saturate.
std::vector<float> sample() {
  const uint64_t stride = sample_stride();
  std::vector<float> x;
  x.reserve((uint64_t{1} << 32) / stride + 800000);
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += stride) x.push_back(float_of(static_cast<uint32_t>(bits)));
  // 0.3466 = log(2) / 2 and 1.0397 = 3/2 log(2): the reduction of exp; 0.625: tanh; 9.0109, 17.33, 88.0297, 88.3763: saturation;
  // 0.8814 = log(1 + sqrt(2)): log1p; 103.97: exp() = 0 in floats; 13.2, 14.2: the tail of gelu.
  const float places[] = {0.0f,
                          std::numeric_limits<float>::min(),
                          1e-30f,
                          2.44140625e-4f,
                          0.34657359f,
                          0.625f,
                          0.88137359f,
                          1.0f,
                          1.0397208f,
                          5.0f,
                          9.0109134f,
                          13.2f,
                          14.2f,
                          16.0f,
                          17.32868f,
                          80.0f,
                          87.33654f,
                          88.029692f,
                          88.376263f,
                          88.722839f,
                          103.97208f,
                          110.0f,
                          std::numeric_limits<float>::max()};
  for (float place : places) {
    const int64_t centre = bits_of(place);
    const int64_t step = stride > 997 ? static_cast<int64_t>(stride / 997) : 1;
    for (int64_t bits = centre - 4096; bits <= centre + 4096; bits += step) {
      if (bits < 0 || bits > 0x7f800000) continue;  // up to infinity
      x.push_back(float_of(static_cast<uint32_t>(bits)));
      x.push_back(-x.back());
    }
  }
  return x;
}

const std::vector<float>& samples() {
  static const std::vector<float> x = sample();
  return x;
}

struct Worst {
  double error = 0;  // in units in the last place, the smallest normal float taken off
  float x = 0;
  float got = 0;
  double exact = 0;
};

// NaN must answer NaN, an infinity an infinity; the rest counts in units in the last place.
double error_of(float got, double exact, double flushed) {
  if (std::isnan(exact)) return std::isnan(got) ? 0 : std::numeric_limits<double>::infinity();
  if (std::isnan(got)) return std::numeric_limits<double>::infinity();
  if (std::isinf(exact) || std::isinf(got)) return got == exact ? 0 : std::numeric_limits<double>::infinity();
  const double error = std::fabs(static_cast<double>(got) - exact) - flushed;
  return error > 0 ? error / unit_in_last_place(exact) : 0;
}

void expect_accurate(const ActivationCase& activation, float alpha) {
  const std::vector<float>& x = samples();
  std::vector<double> exact(x.size());
  for (size_t i = 0; i < x.size(); ++i) exact[i] = activation.exact(x[i], alpha);
  const double flushed = smallest_normal * std::fmax(1.0, std::fabs(alpha));
  for (const ActivationTarget& target : activation_targets()) {
    std::vector<float> got = x;
    (target.table->*activation.function)(got.data(), got.size(), alpha);
    Worst worst;
    for (size_t i = 0; i < x.size(); ++i) {
      const double error = error_of(got[i], exact[i], flushed);
      if (error > worst.error) worst = {error, x[i], got[i], exact[i]};
    }
    std::printf("%-8s %-8s alpha %-8g largest error %.3f ulp at x = %.9g: %.9g, exact %.17g\n", activation.name,
                target_name(target.target), alpha, worst.error, worst.x, worst.got, worst.exact);
    EXPECT_LE(worst.error, bound_of(activation, target.target))
        << activation.name << " on " << target_name(target.target) << ", x = " << worst.x;
  }
}

TEST(ActivationAccuracy, Tanh) { expect_accurate(activation_cases[0], 0); }
TEST(ActivationAccuracy, Sigmoid) { expect_accurate(activation_cases[1], 0); }
TEST(ActivationAccuracy, Silu) { expect_accurate(activation_cases[2], 0); }
TEST(ActivationAccuracy, Gelu) { expect_accurate(activation_cases[3], 0); }
TEST(ActivationAccuracy, Elu) {
  for (float alpha : {1.0f, 0.25f, 1.6732632f, -3.0f}) expect_accurate(activation_cases[4], alpha);
}
TEST(ActivationAccuracy, Softplus) { expect_accurate(activation_cases[5], 0); }

}  // namespace
}  // namespace tconv::test
