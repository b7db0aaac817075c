// The classes of accuracy: every variant of winograd and planar_winograd that a class lets through keeps to it, over kernels of two
// to seven taps a phase, both grids, all tiles, from one input channel to a thousand, on the best target and the scalar one.
//
// Errors are random, so no bound holds for certain; these are of fixed seeds, and the classes leave some room
// (src/winograd_accuracy.cpp).
#include <gtest/gtest.h>

#include <set>

#include "support/sweep.hpp"
#include "winograd/errors.hpp"

namespace tconv_test {
namespace {

using tconv::Algorithm;
using tconv::WinogradAccuracy;

constexpr double strict_ratio = 1.25;
constexpr double standard_largest = 5e-5;

struct Way {
  Algorithm algorithm;
  int rank;
  int64_t most_taps;
};
constexpr Way ways[] = {{Algorithm::winograd, 2, 5}, {Algorithm::winograd, 1, 7}, {Algorithm::planar_winograd, 2, 7}};

// `quick`: for runs under emulators and sanitizers.
std::vector<int64_t> channel_counts(int64_t quick) {
  if (effort(0, 0, 1) == 1) return {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048};
  if (effort(0, 1, 1) == 0) return {quick};
  return {2, 16, 64, 1024};
}

// f(measurement, way, layer, channels, numbers) for every kind of layer. Those of many channels have few taps.
template <typename Function>
void each_layer(const std::vector<Numbers>& kinds, const std::vector<int64_t>& channels, const Function& f) {
  for (const Way& way : ways) {
    for (const int64_t in_channels : channels) {
      for (int64_t taps = 2; taps <= way.most_taps; ++taps) {
        if (in_channels > 256 && taps > 3 && effort(0, 0, 1) == 0) continue;
        for (const TapsLayer& layer : layers_of_taps(way.rank, taps)) {
          for (const Numbers numbers : kinds) {
            const auto layout = way.algorithm == Algorithm::winograd ? tconv::Layout::nhwc : tconv::Layout::nchw;
            const int64_t input = way.rank == 1 ? 240 : 15;
            const Measurement measurement(describe(layer, in_channels, 12, input, layout), numbers, 11);
            SCOPED_TRACE(to_string(layer) + ", " + std::to_string(in_channels) + " input channels, " + numbers_name(numbers) +
                         ", seed 11");
            f(measurement, way);
          }
        }
      }
    }
  }
}

std::vector<tconv::Target> best_and_scalar() {
  tconv::Target best = tconv::Target::automatic;
  if (!tconv::choose_target(best, &best).ok() || best == tconv::Target::scalar) return {tconv::Target::scalar};
  return {best, tconv::Target::scalar};
}

class WinogradClasses : public testing::TestWithParam<tconv::Target> {};

TEST_P(WinogradClasses, StrictIsAsAccurateAsDirect) {
  std::set<std::string> seen;
  double worst = 0;
  std::string worst_variant;
  each_layer({Numbers::normal, Numbers::offset}, channel_counts(64), [&](const Measurement& measurement, const Way& way) {
    const Errors direct = measurement.direct(GetParam());
    for_each_variant(way.algorithm, WinogradAccuracy::strict, GetParam(), [&](const tconv::Options& options) {
      Errors errors;
      std::string variant;
      if (!measurement.measure(options, &errors, &variant)) return;
      seen.insert(variant);
      const double ratio = errors.rms / direct.rms;
      EXPECT_LE(ratio, strict_ratio) << variant;
      if (ratio > worst) worst = ratio, worst_variant = variant;
    });
  });
  std::printf("largest ratio to direct: %.3f, %s\n", worst, worst_variant.c_str());
  // What the class is for: it must not keep to its bound by letting nothing through.
  for (const char* variant : {"F(3,2) x F(3,2) on the grid of inputs", "F(2,3) x F(2,3) on the grid of outputs",
                              "F(3,2) on the grid of inputs", "F(3,2) along y", "F(2,3) along y"}) {
    EXPECT_EQ(seen.count(variant), 1u) << variant;
  }
}

TEST_P(WinogradClasses, StandardHasItsLargestError) {
  std::set<std::string> seen;
  double worst = 0;
  std::string worst_variant;
  each_layer({Numbers::normal}, channel_counts(16), [&](const Measurement& measurement, const Way& way) {
    for_each_variant(way.algorithm, WinogradAccuracy::standard, GetParam(), [&](const tconv::Options& options) {
      Errors errors;
      std::string variant;
      if (!measurement.measure(options, &errors, &variant)) return;
      seen.insert(variant);
      EXPECT_LE(errors.max, standard_largest) << variant;
      if (errors.max > worst) worst = errors.max, worst_variant = variant;
    });
  });
  std::printf("largest error: %.3g of the output's rms, %s\n", worst, worst_variant.c_str());
  for (const char* variant :
       {"F(4,2) x F(4,2) on the grid of inputs", "F(5,2) x F(5,2) on the grid of inputs", "F(4,3) x F(4,3) on the grid of inputs",
        "F(4,3) x F(4,3) on the grid of outputs", "F(2,5) x F(2,5) on the grid of inputs", "F(7,2) on the grid of inputs",
        "F(2,7) on the grid of inputs", "F(4,5) along y", "F(4,2) along y"}) {
    EXPECT_EQ(seen.count(variant), 1u) << variant;
  }
}

// kernel = stride, by Strassen's algorithm.
std::vector<int64_t> strassen_channels() {
  if (effort(0, 1, 1) == 0) return {64};
  return effort(0, 0, 1) == 1 ? std::vector<int64_t>{2, 8, 32, 128, 512, 1024, 4096, 8192}
                              : std::vector<int64_t>{2, 64, 1024, 8192};
}

tconv::Options strassen_options(tconv::Target target) {
  tconv::Options options;
  options.target = target;
  options.algorithm = Algorithm::strassen;
  return options;
}

TEST_P(WinogradClasses, StrassenHasStandardsLargestError) {
  double worst = 0, ratio = 0;
  for (const int64_t channels : strassen_channels()) {
    for (const TapsLayer& layer : {TapsLayer{2, 1, 2, 2, 0}, TapsLayer{1, 1, 1, 1, 0}}) {
      const Measurement measurement(describe(layer, channels, 40, layer.rank == 1 ? 150 : 12, tconv::Layout::nhwc), Numbers::normal,
                                    11);
      SCOPED_TRACE(to_string(layer) + ", " + std::to_string(channels) + " input channels, seed 11");
      Errors errors;
      std::string variant;
      ASSERT_TRUE(measurement.measure(strassen_options(GetParam()), &errors, &variant));
      EXPECT_LE(errors.max, standard_largest);
      worst = std::max(worst, errors.max);
      ratio = std::max(ratio, errors.rms / measurement.direct(GetParam()).rms);
    }
  }
  const std::vector<float> weights(8194);
  tconv::Description d = describe({1, 1, 1, 1, 0}, 8194, 1, 4, tconv::Layout::nhwc);
  EXPECT_EQ(tconv::ConvTranspose::create(d, weights.data(), nullptr, strassen_options(GetParam())).status().code(),
            tconv::StatusCode::unsupported);
  d.in_channels = 8192;
  EXPECT_TRUE(tconv::ConvTranspose::create(d, weights.data(), nullptr, strassen_options(GetParam())).ok());
  std::printf("strassen, largest error: %.3g of the output's rms, largest ratio to direct: %.3f\n", worst, ratio);
}

TEST_P(WinogradClasses, StrassenStaysWithinTheDerivedBoundOfUnfriendlyNumbers) {
  int64_t ran = 0;
  for (const Numbers numbers : {Numbers::offset, Numbers::cancelling, Numbers::wide}) {
    for (const int64_t channels : {8, 64}) {
      const Measurement measurement(describe({2, 1, 2, 2, 0}, channels, 40, 12, tconv::Layout::nhwc), numbers, 11);
      EXPECT_EQ(measurement.beyond_bound(strassen_options(GetParam()), &ran), "") << numbers_name(numbers);
    }
  }
  EXPECT_EQ(ran, 6);
}

// No class speaks of these numbers; errors are held to the derived bound.
TEST_P(WinogradClasses, UnfriendlyNumbersStayWithinTheDerivedBound) {
  int64_t ran = 0;
  each_layer({Numbers::offset, Numbers::cancelling, Numbers::wide}, {effort(4, 32, 32)},
             [&](const Measurement& measurement, const Way& way) {
               for_each_variant(way.algorithm, WinogradAccuracy::standard, GetParam(), [&](const tconv::Options& options) {
                 const std::string failure = measurement.beyond_bound(options, &ran);
                 EXPECT_EQ(failure, "");
               });
             });
  EXPECT_GT(ran, 100);
}

// Sums so long that every variant's largest error exceeds the class: the plan must do without.
TEST_P(WinogradClasses, SumsTooLongAreDoneDirectly) {
  tconv::Description d = describe({2, 2, 4, 2, 1}, 1 << 12, 1, 4, tconv::Layout::nhwc);
  const std::vector<float> weights(static_cast<size_t>(d.in_channels * 16), 1.0f);
  tconv::Options options;
  options.target = GetParam();
  options.algorithm = Algorithm::winograd;
  options.winograd.outputs = 5;
  const auto op = tconv::ConvTranspose::create(d, weights.data(), nullptr, options);
  ASSERT_FALSE(op.ok());
  EXPECT_EQ(op.status().code(), tconv::StatusCode::unsupported);
  EXPECT_NE(std::string(op.status().message()).find("accuracy"), std::string::npos) << op.status().message();
  options.algorithm = Algorithm::automatic;
  EXPECT_TRUE(tconv::ConvTranspose::create(d, weights.data(), nullptr, options).ok());
}

TEST_P(WinogradClasses, OffPermitsNoVariant) {
  for (const Way& way : ways) {
    const auto layout = way.algorithm == Algorithm::winograd ? tconv::Layout::nhwc : tconv::Layout::nchw;
    const Measurement measurement(describe({way.rank, 2, 4, 2, 1}, 64, 8, 16, layout), Numbers::normal, 11);
    for_each_variant(way.algorithm, WinogradAccuracy::off, GetParam(), [&](const tconv::Options& options) {
      Errors errors;
      std::string variant;
      EXPECT_FALSE(measurement.measure(options, &errors, &variant)) << variant;
    });
  }
}

INSTANTIATE_TEST_SUITE_P(targets, WinogradClasses, testing::ValuesIn(best_and_scalar()), target_parameter_name);

}  // namespace
}  // namespace tconv_test
