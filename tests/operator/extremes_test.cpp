// Descriptions with absurd values: nothing overflows, crashes or takes for ever, and what is accepted is right. Meant for UBSan,
// too.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "support/crash_report.hpp"
#include "support/sweep.hpp"

namespace tconv_test {
namespace {

using tconv::Description;
using tconv::StatusCode;

constexpr int64_t largest = std::numeric_limits<int64_t>::max();

int64_t extreme(Random& random) {
  constexpr int64_t values[] = {std::numeric_limits<int64_t>::min(),
                                -largest,
                                -2,
                                -1,
                                0,
                                1,
                                1,
                                1,
                                2,
                                2,
                                3,
                                4,
                                7,
                                255,
                                65536,
                                (int64_t{1} << 31) - 1,
                                int64_t{1} << 31,
                                int64_t{1} << 32,
                                int64_t{1} << 40,
                                int64_t{1} << 61,
                                int64_t{1} << 62,
                                largest - 1,
                                largest};
  return chance(random, 0.1) ? static_cast<int64_t>(random()) : values[random() % (sizeof values / sizeof *values)];
}

// Small and valid most of the time, so that the extremes are met behind the first checks.
int64_t value(Random& random, int64_t low, int64_t high, double wild) {
  return chance(random, wild) ? extreme(random) : uniform(random, low, high);
}

Description wild_description(Random& random) {
  const double wild = chance(random, 0.3) ? 0.5 : 0.08;
  Description d;
  d.rank = chance(random, wild / 4) ? static_cast<int>(extreme(random)) : static_cast<int>(uniform(random, 1, 3));
  d.batch = value(random, 1, 3, wild);
  d.groups = value(random, 1, 3, wild);
  if (chance(random, 0.8) && d.groups > 0 && d.groups < 1000) {
    d.in_channels = d.groups * uniform(random, 1, 4);
    d.out_channels = d.groups * uniform(random, 1, 4);
  } else {
    d.in_channels = value(random, 1, 9, wild);
    d.out_channels = value(random, 1, 9, wild);
  }
  for (tconv::Axis& axis : d.axis) {
    axis.input = value(random, 1, 6, wild);
    axis.kernel = value(random, 1, 5, wild);
    axis.stride = value(random, 1, 4, wild);
    axis.dilation = value(random, 1, 3, wild);
    axis.pad_begin = value(random, 0, 2, wild);
    axis.pad_end = value(random, 0, 2, wild);
    axis.output_padding = value(random, 0, 1, wild);
  }
  if (chance(random, 0.2)) d.auto_pad = static_cast<tconv::AutoPad>(uniform(random, 0, 4));
  if (chance(random, 0.1)) {
    for (int64_t& size : d.output_shape) size = value(random, 0, 20, wild);
  }
  if (chance(random, 0.5)) d.layout = tconv::Layout::nhwc;
  for (tconv::Pitch* pitch : {&d.input_pitch, &d.output_pitch, &d.residual_pitch}) {
    if (!chance(random, 0.2)) continue;
    for (int64_t* field : {&pitch->pixel, &pitch->row, &pitch->plane, &pitch->channel, &pitch->batch}) {
      if (chance(random, 0.3)) *field = extreme(random);
    }
  }
  if (chance(random, 0.1)) d.activation.kind = static_cast<tconv::ActivationKind>(uniform(random, 0, 14));
  if (chance(random, 0.1)) d.input_activation.kind = static_cast<tconv::ActivationKind>(uniform(random, 0, 14));
  return d;
}

using Wide = __int128;

// What resolve() accepted fits, and is what the formulas give.
void expect_consistent(const Description& d, const tconv::Geometry& g, uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ": " + to_string(d));
  Wide cells_in = 1, cells_out = 1, taps = 1;
  for (int a = 0; a < 3; ++a) {
    const tconv::Axis& axis = g.axis[a];
    const Wide o = static_cast<Wide>(axis.stride) * (axis.input - 1) + static_cast<Wide>(axis.dilation) * (axis.kernel - 1) + 1 -
                   axis.pad_begin - axis.pad_end + axis.output_padding;
    EXPECT_TRUE(o == g.output[a] && o >= 1) << "axis " << a << " of three";
    EXPECT_GE(axis.pad_begin, 0);
    EXPECT_GE(axis.pad_end, 0);
    cells_in *= axis.input;
    cells_out *= g.output[a];
    taps *= axis.kernel;
    ASSERT_TRUE(cells_in <= largest && cells_out <= largest && taps <= largest);
  }
  const Wide in = cells_in * d.batch;
  const Wide out = cells_out * d.batch;
  const Wide weights = taps * (d.out_channels / d.groups);
  ASSERT_TRUE(in <= largest && out <= largest && weights <= largest);
  EXPECT_TRUE(in * d.in_channels == g.input_elements);
  EXPECT_TRUE(out * d.out_channels == g.output_elements);
  EXPECT_TRUE(weights * d.in_channels == g.weight_elements);
  EXPECT_TRUE(weights * g.input_elements == g.multiplications);
  EXPECT_GE(g.input_span, g.input_elements);
  EXPECT_GE(g.output_span, g.output_elements);
  EXPECT_LE(g.input_span, largest / 4);
  EXPECT_LE(g.output_span, largest / 4);
}

// In long double, which is exact enough to see that nothing is near 2^63.
bool clearly_fits(const Description& d) {
  long double in = static_cast<long double>(d.batch) * d.in_channels;
  long double out = static_cast<long double>(d.batch) * d.out_channels;
  long double taps = 1;
  for (int a = 0; a < d.rank; ++a) {
    const tconv::Axis& x = d.axis[a];
    const long double full = static_cast<long double>(x.stride) * (x.input - 1) +
                             static_cast<long double>(x.dilation) * (x.kernel - 1) + 1 + x.output_padding;
    if (full > 0x1p60L) return false;
    in *= x.input;
    out *= full;
    taps *= x.kernel;
  }
  const long double weights = static_cast<long double>(d.in_channels) * d.out_channels * taps;
  return in < 0x1p56L && out < 0x1p56L && weights < 0x1p50L && in * d.out_channels * taps < 0x1p60L;
}

bool plainly_valid(const Description& d) {
  if (d.rank < 1 || d.rank > 3 || d.batch < 1 || d.in_channels < 1 || d.out_channels < 1 || d.groups < 1) return false;
  if (d.in_channels % d.groups != 0 || d.out_channels % d.groups != 0 || d.auto_pad != tconv::AutoPad::notset) return false;
  for (const tconv::Pitch* p : {&d.input_pitch, &d.output_pitch, &d.residual_pitch}) {
    if (p->pixel != 0 || p->row != 0 || p->plane != 0 || p->channel != 0 || p->batch != 0) return false;
  }
  if (d.activation.kind > tconv::ActivationKind::relu || d.input_activation.kind > tconv::ActivationKind::relu) return false;
  for (int a = 0; a < d.rank; ++a) {
    const tconv::Axis& x = d.axis[a];
    if (d.output_shape[a] != 0 || x.input < 1 || x.kernel < 1 || x.stride < 1 || x.dilation < 1) return false;
    if (x.pad_begin < 0 || x.pad_end < 0 || x.output_padding < 0 || x.output_padding >= std::max(x.stride, x.dilation))
      return false;
    const Wide full =
        static_cast<Wide>(x.stride) * (x.input - 1) + static_cast<Wide>(x.dilation) * (x.kernel - 1) + 1 + x.output_padding;
    if (full - x.pad_begin - x.pad_end < 1) return false;
  }
  return clearly_fits(d);
}

TEST(Extremes, ResolveNeitherCrashesNorLies) {
  constexpr uint64_t first_seed = 71000000;
  const int64_t rounds = effort(20000, 100000, 3000000);
  int64_t accepted = 0;
  for (int64_t round = 0; round < rounds && !HasFailure(); ++round) {
    const uint64_t seed = first_seed + static_cast<uint64_t>(round);
    Random random(seed);
    const Description d = wild_description(random);
    tconv::Geometry g;
    const tconv::Status status = tconv::resolve(d, &g);
    if (status.ok()) {
      ++accepted;
      expect_consistent(d, g, seed);
    } else {
      EXPECT_NE(status.message()[0], '\0');
      EXPECT_FALSE(plainly_valid(d)) << "seed " << seed << ": " << status.message() << ": " << to_string(d);
    }
  }
  EXPECT_GT(accepted, rounds / 50);
  EXPECT_LT(accepted, rounds * 9 / 10);
}

// Whatever is accepted and has few weights can be created: in little time and memory, however large the images and strides are;
// what is small is run, too.
TEST(Extremes, SmallWeightsCanBeCreated) {
  alarm(300);  // a loop over 2^40 phases would not end
  constexpr uint64_t first_seed = 72000000;
  const int64_t rounds = effort(5000, 30000, 500000);
  const Floats weights(20000, 0.5f);
  int64_t created = 0;
  int64_t ran = 0;
  for (int64_t round = 0; round < rounds && !HasFailure(); ++round) {
    const uint64_t seed = first_seed + static_cast<uint64_t>(round);
    Random random(seed);
    Description d = wild_description(random);
    if (d.activation.kind == tconv::ActivationKind::prelu) d.activation.kind = tconv::ActivationKind::relu;
    tconv::Geometry g;
    if (!tconv::resolve(d, &g).ok() || g.weight_elements > 20000) continue;
    for (tconv::Algorithm algorithm : automatic_and_all_algorithms) {
      tconv::Options options;
      options.algorithm = algorithm;
      const auto op = tconv::ConvTranspose::create(d, weights.data(), nullptr, options);
      const StatusCode code = op.status().code();
      EXPECT_TRUE(code == StatusCode::ok || code == StatusCode::unsupported || code == StatusCode::out_of_memory)
          << op.status().message() << "\n  seed " << seed << ", " << to_string(d);
      if (!op.ok()) continue;
      ++created;
      if (g.input_span > 20000 || g.output_span > 20000 || op->workspace_bytes() > 10000000) continue;
      Problem problem;
      problem.layer = d;
      Variant variant;
      variant.algorithm = algorithm;
      const CrashReport report(problem, variant);
      CrashReport::set_place("seed " + std::to_string(seed));
      const GuardBuffer x(static_cast<size_t>(g.input_span) * sizeof(float), Placement::ends_at_guard);
      const GuardBuffer y(static_cast<size_t>(g.output_span) * sizeof(float), Placement::ends_at_guard);
      std::fill(x.floats(), x.floats() + g.input_span, 1.0f);
      const GuardBuffer workspace(op->workspace_bytes(), Placement::ends_at_guard, tconv::ConvTranspose::workspace_alignment);
      const tconv::Status status = op->run(x.floats(), y.floats(), workspace.data(), workspace.bytes());
      EXPECT_TRUE(status.ok()) << status.message() << "\n  seed " << seed << ", " << to_string(d);
      EXPECT_TRUE(y.surroundings_intact() && workspace.surroundings_intact()) << "seed " << seed << ", " << to_string(d);
      ++ran;
    }
  }
  alarm(0);
  EXPECT_GT(created, 100);
  EXPECT_GT(ran, 100);
}

// Strides and dilations of 2^40 with tiny tensors: right or refused, at once, without a table per phase. Each in a child with a
// clock.
[[noreturn]] void run_in_time(const Description& d) {
  alarm(20);
  Random random(73);
  const Problem problem = make_problem(d, random, Data::whole);
  for (tconv::Layout layout : all_layouts) {
    for (tconv::Algorithm algorithm : automatic_and_all_algorithms) {
      Variant variant;
      variant.layout = layout;
      variant.algorithm = algorithm;
      const Outcome outcome = run_case(problem, variant);
      if (outcome.unsupported || outcome.ok()) continue;
      std::fprintf(stderr, "%s\n  %s\n  %s\n", outcome.failure.c_str(), to_string(d).c_str(), to_string(variant).c_str());
      std::_Exit(1);
    }
  }
  std::_Exit(0);
}

TEST(ExtremesDeathTest, HugeStridesAndDilationsWithTinyTensors) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  constexpr int64_t huge = int64_t{1} << 40;
  Description stride;  // one input: two outputs from two taps
  stride.in_channels = 3;
  stride.out_channels = 4;
  stride.axis[1].kernel = 2;
  stride.axis[1].stride = huge;
  stride.axis[0].stride = huge + 1;
  EXPECT_EXIT(run_in_time(stride), testing::ExitedWithCode(0), "");
  Description cropped = stride;  // all but three of 2^40 + 2 outputs cut off: a whole period of phases in between
  cropped.axis[1].input = 2;
  cropped.axis[1].pad_begin = huge - 1;
  EXPECT_EXIT(run_in_time(cropped), testing::ExitedWithCode(0), "");
  Description dilation;  // two taps 2^40 apart, the first cut off
  dilation.in_channels = 2;
  dilation.axis[1].input = 5;
  dilation.axis[1].kernel = 2;
  dilation.axis[1].dilation = huge;
  dilation.axis[1].pad_begin = huge - 2;
  EXPECT_EXIT(run_in_time(dilation), testing::ExitedWithCode(0), "");
  Description both = dilation;
  both.axis[1].stride = huge;
  both.axis[1].input = 1;
  EXPECT_EXIT(run_in_time(both), testing::ExitedWithCode(0), "");
  Description depthwise = stride;
  depthwise.in_channels = depthwise.out_channels = depthwise.groups = 5;
  EXPECT_EXIT(run_in_time(depthwise), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace tconv_test
