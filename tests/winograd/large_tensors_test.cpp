// Tensors that no cache holds: outputs that go past the caches, input rows that are asked for ahead, planar tiles of short strips.
// Caches of a few hundred bytes make small tensors such ones.
#include <gtest/gtest.h>

#include "support/sweep.hpp"

namespace tconv_test {
namespace {

using tconv::ActivationKind;
using tconv::Algorithm;

class LargeTensors : public OnTarget {};

tconv::Description layer(int rank, int64_t in_channels, int64_t out_channels, int64_t kernel, int64_t stride) {
  tconv::Description d;
  d.rank = rank;
  d.in_channels = in_channels;
  d.out_channels = out_channels;
  for (int a = 0; a < rank; ++a) {
    d.axis[a].input = 9 + 6 * a;
    d.axis[a].kernel = kernel;
    d.axis[a].stride = stride;
    d.axis[a].pad_begin = d.axis[a].pad_end = 1;
  }
  return d;
}

Variant nhwc(tconv::Target target, Algorithm algorithm) {
  Variant variant;
  variant.target = target;
  variant.algorithm = algorithm;
  variant.layout = tconv::Layout::nhwc;
  variant.cache = {256, 512, 1};
  return variant;
}

// Created for pixels that are neighbours, run on others.
Outcome run_parted(const Problem& problem, tconv::Target target) {
  Variant variant = nhwc(target, Algorithm::winograd);
  tconv::ConvTranspose op;
  Outcome outcome = create(problem, variant, &op);
  if (!outcome.ok()) return outcome;
  variant.output_gaps.pixel = 3;
  const tconv::Status status = op.reshape(described(problem, variant));
  if (status.ok()) return run_on(op, problem, variant);
  outcome.failure = status.message();
  return outcome;
}

// Pixels that do not begin at a cache line are stored the ordinary way: the numbers are the same.
TEST_P(LargeTensors, StreamedOutputsAreTheSameNumbers) {
  Random random(95);
  int ran = 0;
  for (int rank : {1, 2}) {
    for (int64_t out_channels : {16, 20, 32, 48, 80}) {
      for (ActivationKind kind :
           {ActivationKind::none, ActivationKind::relu, ActivationKind::leaky_relu, ActivationKind::sigmoid}) {
        for (int64_t stride : {1, 2}) {
          tconv::Description d = layer(rank, 8, out_channels, stride == 1 ? 3 : 4, stride);
          d.activation = {kind, 0.25f, 0, nullptr};
          d.residual = rank == 2 && stride == 2 && kind == ActivationKind::relu && out_channels == 32;
          if (rank == 2 && out_channels == 48) d.axis[1].kernel = d.axis[1].stride = 1;  // filtered along y alone
          if (rank == 2 && out_channels == 48) d.axis[1].pad_begin = d.axis[1].pad_end = 0;
          const Problem problem = make_problem(d, random, Data::real);
          const Outcome lines = run_case(problem, nhwc(GetParam(), Algorithm::winograd));
          if (lines.unsupported) continue;
          const Outcome gaps = run_parted(problem, GetParam());
          EXPECT_EQ(lines.failure, "") << to_string(d) << ", seed 95";
          EXPECT_EQ(gaps.failure, "") << to_string(d) << ", seed 95";
          EXPECT_EQ(lines.output, gaps.output) << to_string(d) << ", seed 95";
          ++ran;
        }
      }
    }
  }
  if (ran == 0) GTEST_SKIP() << "left out of this build";
  EXPECT_GT(ran, 60);
}

// The next tile's rows, of pixels that are dense or not, and of planes that are cut in strips or not.
TEST_P(LargeTensors, RowsAskedForAhead) {
  Random random(97);
  int ran = 0;
  for (int rank : {2, 3}) {
    for (int64_t in_channels : {3, rank == 2 ? 20 : 5}) {
      for (int64_t out_channels : {1, 3}) {
        for (int64_t kernel : {3, 4, 7}) {
          tconv::Description d = layer(rank, in_channels, out_channels, kernel, 2);
          d.axis[rank - 1].input = 9 + 8 * uniform(random, 0, 5);
          d.axis[rank - 2].input = 9 + uniform(random, 0, 4);
          if (rank == 3) d.axis[0].input = 4;
          d.input_activation.kind = uniform(random, 0, 3) == 0 ? ActivationKind::relu : ActivationKind::none;
          const Problem problem = make_problem(d, random, Data::real);
          for (tconv::Layout layout : {tconv::Layout::nchw, tconv::Layout::nhwc}) {
            for (int64_t gap : {0, 3}) {
              Variant variant;
              variant.target = GetParam();
              variant.algorithm = Algorithm::planar_winograd;
              variant.layout = layout;
              variant.cache = {256, 512, 1};
              (layout == tconv::Layout::nhwc ? variant.input_gaps.pixel : variant.input_gaps.row) = gap;
              const Outcome outcome = run_case(problem, variant);
              if (outcome.unsupported) continue;
              EXPECT_EQ(outcome.failure, "") << to_string(d) << ", seed 97";
              ++ran;
            }
          }
        }
      }
    }
  }
  if (ran == 0) GTEST_SKIP() << "left out of this build";
  EXPECT_GT(ran, 60);
}

TEST_P(LargeTensors, PlanarTiles) {
  Random random(96);
  int ran = 0;
  for (int rank : {2, 3}) {
    for (int64_t out_channels : {1, 3, 9}) {
      for (int64_t in_channels : {1, 5, 16}) {
        for (int64_t groups : {1, 2}) {
          tconv::Description d = layer(rank, groups * in_channels, groups * out_channels, 4, 2);
          d.groups = groups;
          d.axis[rank - 1].input = 40;
          if (rank == 3) d.axis[0].input = d.axis[1].input = 5;
          const Problem problem = make_problem(d, random, Data::real);
          const Outcome outcome = run_case(problem, nhwc(GetParam(), Algorithm::planar_winograd));
          if (outcome.unsupported) continue;
          EXPECT_EQ(outcome.failure, "") << to_string(d) << ", seed 96";
          ++ran;
        }
      }
    }
  }
  if (ran == 0) GTEST_SKIP() << "left out of this build";
  EXPECT_GT(ran, 30);
}

TCONV_INSTANTIATE_ON_TARGETS(LargeTensors);

}  // namespace
}  // namespace tconv_test
