// Layers whose x-phases share panels: few channels, channels that fill no panel, large strides. Every tile on both grids, cropped
// and padded ends, phases without taps, groups, planes, residuals, activations, threads, and reshapes that part the pixels.
#include <gtest/gtest.h>

#include <cstring>

#include "support/parallel.hpp"
#include "support/sweep.hpp"
#include "support/winograd_bounds.hpp"

namespace tconv_test {
namespace {

using tconv::ActivationKind;
using tconv::Axis;
using Grid = tconv::WinogradOptions::Grid;

class MergedPhases : public OnTarget {};

// in and out channels, groups, then the axes {input, kernel, stride, dilation, pad_begin, pad_end, output_padding}.
tconv::Description layer(int64_t in_channels, int64_t out_channels, int64_t groups, std::initializer_list<Axis> axes) {
  tconv::Description d;
  d.rank = static_cast<int>(axes.size());
  d.in_channels = in_channels;
  d.out_channels = out_channels;
  d.groups = groups;
  int a = 0;
  for (const Axis& axis : axes) d.axis[a++] = axis;
  return d;
}

std::vector<tconv::Description> layers() {
  return {
      layer(9, 1, 1, {{23, 16, 8, 1, 3, 5, 0}}),      // partial cells at both ends
      layer(5, 2, 1, {{23, 16, 8, 1, 4, 4, 3}}),      // output padding
      layer(6, 3, 1, {{40, 7, 3, 1, 1, 2, 0}}),       // runs of three and of two taps
      layer(4, 5, 1, {{31, 25, 4, 1, 11, 10, 1}}),    // many taps
      layer(7, 12, 1, {{50, 8, 4, 1, 2, 2, 0}}),      // phases end within panels
      layer(4, 21, 1, {{13, 64, 32, 1, 16, 16, 0}}),  // many panels of a run
      layer(3, 1, 1, {{9, 1024, 256, 1, 384, 384, 0}}),
      layer(4, 20, 1, {{33, 8, 2, 1, 9, 11, 1}}),  // whole cells cropped
      layer(6, 1, 1, {{1, 16, 8, 1, 7, 5, 0}}),    // no whole cell
      layer(6, 3, 1, {{2, 16, 8, 1, 10, 9, 0}}),   // a partial one and a whole one
      layer(5, 1, 1, {{41, 4, 3, 2, 2, 3, 1}}),    // tiles of two residues; phases at different inputs
      layer(5, 3, 1, {{41, 10, 4, 3, 2, 3, 1}}),   // the same, with three
      layer(5, 3, 1, {{21, 8, 8, 2, 3, 2, 1}}),    // every other phase dead
      layer(6, 2, 2, {{23, 16, 8, 1, 3, 5, 0}}),   // an output channel a group
      layer(6, 10, 2, {{23, 16, 8, 1, 3, 5, 0}}),  // several
      layer(5, 5, 1, {{9, 8, 4, 1, 2, 2, 0}, {11, 8, 4, 1, 3, 2, 1}}),
      layer(6, 3, 1, {{8, 4, 2, 1, 1, 1, 0}, {20, 5, 2, 1, 2, 1, 1}}),
      layer(3, 24, 1, {{5, 3, 1, 1, 1, 1, 0}, {13, 4, 2, 1, 0, 1, 1}}),
      layer(5, 1, 1, {{9, 3, 1, 1, 1, 1, 0}, {7, 1, 3, 1, 0, 0, 2}}),    // x not filtered, dead phases in a run
      layer(5, 3, 1, {{9, 4, 2, 1, 1, 1, 0}, {7, 5, 8, 1, 2, 1, 7}}),    // x not filtered, a live and a dead run
      layer(5, 2, 1, {{9, 4, 2, 1, 1, 1, 0}, {7, 8, 8, 1, 5, 2, 0}}),    // x not filtered, cropped
      layer(5, 2, 1, {{6, 1, 2, 1, 0, 0, 1}, {19, 16, 8, 1, 3, 4, 0}}),  // dead rows
      layer(4, 2, 1, {{2, 3, 2, 1, 1, 1, 1}, {4, 4, 2, 1, 1, 1, 0}, {6, 8, 4, 1, 2, 1, 2}}),
      layer(4, 4, 2, {{2, 2, 2, 1, 0, 0, 0}, {4, 3, 1, 1, 1, 1, 0}, {6, 12, 4, 1, 5, 2, 0}}),
  };
}

bool merged(const tconv::ConvTranspose& op) { return std::strstr(op.plan().variant, "merged") != nullptr; }

tconv::Status make(const Problem& problem, const Variant& variant, Grid grid, int outputs, tconv::ConvTranspose* op) {
  tconv::Options options;
  options.target = variant.target;
  options.cache = variant.cache;
  options.algorithm = tconv::Algorithm::winograd;
  options.winograd.grid = grid;
  options.winograd.outputs = outputs;
  auto created = tconv::ConvTranspose::create(described(problem, variant), problem.w.data(),
                                              problem.bias.empty() ? nullptr : problem.bias.data(), options);
  if (created.ok()) *op = std::move(*created);
  return created.status();
}

TEST_P(MergedPhases, EveryTileOnBothGrids) {
  Random random(101);
  int ran = 0, ran_merged = 0, ran_planes = 0, number = 0;
  for (tconv::Description d : layers()) {
    constexpr ActivationKind kinds[] = {ActivationKind::none, ActivationKind::prelu, ActivationKind::silu, ActivationKind::clamp};
    d.activation.kind = kinds[number % 4];
    d.activation.alpha = -0.5f;
    d.activation.beta = 1.5f;
    d.residual = number % 3 != 0;
    d.batch = 1 + number % 2;
    const Problem problem = make_problem(d, random, Data::real, number % 5 != 0);
    for (tconv::Layout layout : all_layouts) {
      for (Grid grid : {Grid::outputs, Grid::inputs}) {
        for (int outputs = 2; outputs < 8; ++outputs) {
          Variant variant;
          variant.target = GetParam();
          variant.layout = layout;
          variant.placement = ++number % 2 == 0 ? Placement::ends_at_guard : Placement::begins_at_guard;
          variant.residual_in_place = number % 3 == 0;
          if (number % 4 == 0) variant.cache = {256, 1280, 5120};
          tconv::ConvTranspose op;
          const tconv::Status status = make(problem, variant, grid, outputs, &op);
          if (status.code() == tconv::StatusCode::unsupported) continue;
          ASSERT_TRUE(status.ok()) << status.message();
          const std::string where = to_string(d) + " " + op.plan().variant + ", " + to_string(variant) + ", seed 101";
          const Outcome alone = run_on(op, problem, variant);
          EXPECT_EQ(alone.failure, "") << where;
          ++ran;
          ran_merged += merged(op);
          ran_planes += merged(op) && layout == tconv::Layout::nchw && d.out_channels > d.groups;
          for (size_t threads = 2; threads <= 4; ++threads) {
            ShuffledOrder shuffled(threads, 100 + threads);
            variant.parallelism = shuffled.parallelism();
            const Outcome outcome = run_on(op, problem, variant);
            EXPECT_EQ(outcome.failure, "") << where;
            EXPECT_EQ(std::memcmp(alone.output.data(), outcome.output.data(), alone.output.size() * sizeof(float)), 0)
                << threads << " threads, " << where;
          }
          if (HasFailure()) return;
        }
      }
    }
  }
  if (ran == 0) GTEST_SKIP() << "left out of this build";
  EXPECT_GT(ran, 250);
  if (GetParam() == tconv::Target::scalar) return;  // has no vectors to waste
  EXPECT_GT(ran_merged, 100);
  EXPECT_GT(ran_planes, 30);
}

// A phase of one channel wastes most of a panel: its weights would be padded to a vector.
TEST_P(MergedPhases, PhasesOfFewChannelsShareVectors) {
  if (GetParam() == tconv::Target::scalar) GTEST_SKIP() << "has no vectors";
  Random random(102);
  for (int64_t channels : {1, 2, 3, 5}) {
    for (tconv::Layout layout : all_layouts) {
      const Problem problem = make_problem(layer(64, channels, 1, {{500, 32, 16, 1, 8, 8, 0}}), random, Data::real);
      Variant variant;
      variant.target = GetParam();
      variant.layout = layout;
      tconv::ConvTranspose op;
      const tconv::Status status = make(problem, variant, Grid::inputs, 3, &op);
      if (status.code() == tconv::StatusCode::unsupported) GTEST_SKIP() << "left out of this build";
      ASSERT_TRUE(status.ok()) << status.message();
      EXPECT_TRUE(merged(op)) << channels << " channels";
      // 16 phases at four points, 64 steps; what is left over of the last panel, and bias and indices, take little.
      const double weights = 16.0 * 4 * 64 * static_cast<double>(channels) * sizeof(float);
      EXPECT_LT(static_cast<double>(op.packed_bytes()), 1.2 * weights + 4096) << channels << " channels";
    }
  }
}

// Reshapes change paddings, so that runs end elsewhere in a cell, and pitches, so that pixels of neighbouring phases part and meet.
TEST_P(MergedPhases, Reshapes) {
  Random random(103);
  int parted = 0;
  for (const tconv::Description& original : layers()) {
    for (tconv::Layout layout : all_layouts) {
      tconv::Description d = original;
      d.residual = d.in_channels % 2 == 0;
      Problem problem = make_problem(d, random, Data::real);
      Variant variant;
      variant.target = GetParam();
      variant.layout = layout;
      tconv::ConvTranspose op;
      const tconv::Status status = make(problem, variant, Grid::automatic, 0, &op);
      if (status.code() == tconv::StatusCode::unsupported) continue;
      ASSERT_TRUE(status.ok()) << status.message();
      for (int step = 0; step < 6; ++step) {
        Axis& x = d.axis[d.rank - 1];
        x.input = 1 + (x.input + 7 * step) % 29;
        if (step % 2 == 1) x.pad_begin = (x.pad_begin + step) % x.kernel;
        x.output_padding = step % std::max(x.stride, x.dilation);
        const LayerSizes z = layer_sizes(d);
        if (z.output[2] < 1) continue;
        problem = make_reshaped(problem, d, random, Data::real);
        variant.output_gaps.pixel = step % 3 == 1 ? 1 + step : 0;
        variant.residual_gaps.pixel = step % 3 == 2 ? 2 : 0;
        ASSERT_TRUE(op.reshape(described(problem, variant)).ok()) << to_string(d);
        EXPECT_EQ(run_on(op, problem, variant).failure, "")
            << to_string(d) << " " << op.plan().variant << ", " << to_string(variant) << ", seed 103";
        parted += merged(op) && variant.output_gaps.pixel != 0;
        if (HasFailure()) return;
      }
    }
  }
  if (parted == 0) GTEST_SKIP() << "left out of this build, or nothing to gain";
  EXPECT_GT(parted, 10);
}

TCONV_INSTANTIATE_ON_TARGETS(MergedPhases);

}  // namespace
}  // namespace tconv_test
