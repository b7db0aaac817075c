// fold_batch_norm(): the formula in double, rounded once; and a folded operator is the operator followed by the normalisation.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "support/sweep.hpp"

namespace tconv_test {
namespace {

using tconv::StatusCode;

struct Norm {
  Floats scale, shift, mean, variance;
  float epsilon = 1e-3f;
  tconv::BatchNorm view() const { return {scale.data(), shift.data(), mean.data(), variance.data(), epsilon}; }
};

Norm random_norm(Random& random, int64_t channels) {
  Norm norm;
  const auto real = [&](int64_t low, int64_t high) { return static_cast<float>(uniform(random, low * 1000, high * 1000)) / 1000; };
  for (int64_t c = 0; c < channels; ++c) {
    norm.scale.push_back(real(-2, 2));
    norm.shift.push_back(real(-1, 1));
    norm.mean.push_back(real(-3, 3));
    norm.variance.push_back(real(0, 4));
  }
  return norm;
}

double factor(const Norm& norm, size_t c) {
  return static_cast<double>(norm.scale[c]) / std::sqrt(static_cast<double>(norm.variance[c]) + static_cast<double>(norm.epsilon));
}

// One rounding to float, and a few in double before it.
double rounded_once(double value, double magnitude) { return unit_roundoff * std::fabs(value) + 8 * 0x1p-53 * magnitude; }

TEST(BatchNorm, IsTheFormulaRoundedOnce) {
  Random random(81);
  for (int64_t groups : {1, 2, 3, 6}) {
    for (bool with_bias : {true, false}) {
      for (bool in_place : {false, true}) {
        const int64_t in_channels = 12, out_channels = 6, taps = 5;
        const int64_t out_per_group = out_channels / groups;
        const Norm norm = random_norm(random, out_channels);
        Floats weights(static_cast<size_t>(in_channels * out_per_group * taps));
        for (float& w : weights) w = static_cast<float>(uniform(random, -1000, 1000)) / 1000;
        Floats bias(static_cast<size_t>(out_channels));
        for (float& b : bias) b = static_cast<float>(uniform(random, -1000, 1000)) / 1000;
        Floats folded_weights = in_place ? weights : Floats(weights.size(), 99.0f);
        Floats folded_bias = in_place ? bias : Floats(bias.size(), 99.0f);
        const tconv::Status status = tconv::fold_batch_norm(
            norm.view(), in_channels, out_channels, groups, taps, in_place ? folded_weights.data() : weights.data(),
            with_bias ? (in_place ? folded_bias.data() : bias.data()) : nullptr, folded_weights.data(), folded_bias.data());
        ASSERT_TRUE(status.ok()) << status.message();
        for (size_t i = 0; i < weights.size(); ++i) {
          const auto ci = static_cast<int64_t>(i) / taps / out_per_group;
          const auto co =
              static_cast<size_t>(ci / (in_channels / groups) * out_per_group + static_cast<int64_t>(i) / taps % out_per_group);
          const double value = factor(norm, co) * static_cast<double>(weights[i]);
          ASSERT_NEAR(static_cast<double>(folded_weights[i]), value, rounded_once(value, std::fabs(value)))
              << "weight " << i << ", groups " << groups;
        }
        for (size_t c = 0; c < bias.size(); ++c) {
          const double b = with_bias ? static_cast<double>(bias[c]) : 0.0;
          const double product = factor(norm, c) * (b - static_cast<double>(norm.mean[c]));
          const double value = product + static_cast<double>(norm.shift[c]);
          ASSERT_NEAR(static_cast<double>(folded_bias[c]), value,
                      rounded_once(value, std::fabs(product) + std::fabs(static_cast<double>(norm.shift[c]))))
              << "bias " << c;
        }
      }
    }
  }
}

// y = act(norm(conv(x))): the operator on folded weights against the oracle on the original ones. The folded weights and bias carry
// one rounding each, so the bound of the sum grows by u * (|factor| * sum |x * w| + |folded bias|).
TEST(BatchNorm, AFoldedOperatorIsTheOperatorAndTheNormalisation) {
  Random random(82);
  tconv::Description d;
  d.in_channels = 6;
  d.out_channels = 9;
  d.groups = 3;
  for (int a = 0; a < 2; ++a) {
    d.axis[a].input = 4 + a;
    d.axis[a].kernel = 3;
    d.axis[a].stride = 2;
    d.axis[a].pad_begin = 1;
  }
  const Problem original = make_problem(d, random, Data::real);
  const Norm norm = random_norm(random, d.out_channels);
  Problem folded = original;
  ASSERT_TRUE(tconv::fold_batch_norm(norm.view(), d.in_channels, d.out_channels, d.groups, 9, original.w.data(),
                                     original.bias.data(), folded.w.data(), folded.bias.data())
                  .ok());
  expect_again(&folded);
  const LayerSizes& z = original.sizes;
  const Doubles w(original.w.begin(), original.w.end());
  Doubles magnitudes_x(original.x.begin(), original.x.end()), magnitudes_w(w);
  for (double& v : magnitudes_x) v = std::fabs(v);
  for (double& v : magnitudes_w) v = std::fabs(v);
  const Doubles sums = scatter_oracle(z, Doubles(original.x.begin(), original.x.end()), w);
  const Doubles magnitudes = scatter_oracle(z, magnitudes_x, magnitudes_w);
  for (size_t i = 0; i < sums.size(); ++i) {
    const auto c = static_cast<size_t>(static_cast<int64_t>(i) / z.output_cells() % z.out_channels);
    const double before = sums[i] + static_cast<double>(original.bias[c]);
    folded.expected.value[i] = factor(norm, c) * (before - static_cast<double>(norm.mean[c])) + static_cast<double>(norm.shift[c]);
    folded.expected.bound[i] +=
        2 * unit_roundoff * (std::fabs(factor(norm, c)) * magnitudes[i] + std::fabs(static_cast<double>(folded.bias[c])));
  }
  for (tconv::Layout layout : all_layouts) {
    Variant variant;
    variant.layout = layout;
    EXPECT_EQ(run_case(folded, variant).failure, "") << to_string(variant);
  }
}

TEST(BatchNorm, WrongArgumentsAreNamed) {
  Random random(83);
  const Norm norm = random_norm(random, 4);
  const Floats weights(4 * 2 * 3, 1.0f);
  Floats folded_weights(weights.size(), 7.0f), folded_bias(4, 7.0f);
  const auto fold = [&](const tconv::BatchNorm& n, int64_t in, int64_t out, int64_t groups, int64_t taps, const float* w, float* fw,
                        float* fb) { return tconv::fold_batch_norm(n, in, out, groups, taps, w, nullptr, fw, fb); };
  const auto expect_named = [&](const tconv::Status& status, const char* word) {
    EXPECT_EQ(status.code(), StatusCode::invalid_argument) << word;
    EXPECT_NE(std::strstr(status.message(), word), nullptr) << '"' << status.message() << "\" does not name " << word;
  };
  float* const fw = folded_weights.data();
  float* const fb = folded_bias.data();
  const float* const w = weights.data();
  ASSERT_TRUE(fold(norm.view(), 4, 4, 2, 3, w, fw, fb).ok());
  folded_weights.assign(folded_weights.size(), 7.0f);
  folded_bias.assign(4, 7.0f);
  expect_named(fold(norm.view(), 0, 4, 2, 3, w, fw, fb), "in_channels = 0");
  expect_named(fold(norm.view(), 4, -4, 2, 3, w, fw, fb), "out_channels = -4");
  expect_named(fold(norm.view(), 4, 4, 0, 3, w, fw, fb), "groups = 0");
  expect_named(fold(norm.view(), 4, 4, 3, 3, w, fw, fb), "groups = 3");
  expect_named(fold(norm.view(), 4, 4, 2, 0, w, fw, fb), "taps = 0");
  expect_named(fold(norm.view(), 4, 4, 2, 3, nullptr, fw, fb), "weights");
  expect_named(fold(norm.view(), 4, 4, 2, 3, w, nullptr, fb), "folded_weights");
  expect_named(fold(norm.view(), 4, 4, 2, 3, w, fw, nullptr), "folded_bias");
  for (auto [member, name] : {std::pair{&tconv::BatchNorm::scale, "scale"}, std::pair{&tconv::BatchNorm::shift, "shift"},
                              std::pair{&tconv::BatchNorm::mean, "mean"}, std::pair{&tconv::BatchNorm::variance, "variance"}}) {
    tconv::BatchNorm n = norm.view();
    n.*member = nullptr;
    expect_named(fold(n, 4, 4, 2, 3, w, fw, fb), name);
  }
  for (float variance : {-1.0f, std::nanf(""), -0.001f}) {
    Norm bad = norm;
    bad.variance[2] = variance;
    bad.epsilon = 0.001f;
    expect_named(fold(bad.view(), 4, 4, 2, 3, w, fw, fb), "variance[2]");
  }
  EXPECT_EQ(folded_weights, Floats(folded_weights.size(), 7.0f)) << "something was written in spite of the errors";
  EXPECT_EQ(folded_bias, Floats(4, 7.0f)) << "something was written in spite of the errors";
}

}  // namespace
}  // namespace tconv_test
