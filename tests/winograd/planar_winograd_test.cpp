// Every variant of planar_winograd that its options name, and the limits that they set: accuracy, workspace, packed weights.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

#include "support/sweep.hpp"
#include "support/winograd_bounds.hpp"

namespace tconv_test {
namespace {

using tconv::Algorithm;
using tconv::WinogradAccuracy;
using Grid = tconv::WinogradOptions::Grid;

class PlanarWinograd : public OnTarget {};

tconv::Description layer(int64_t in_channels, int64_t out_channels, int64_t kernel, int64_t stride, int64_t pad) {
  tconv::Description d;
  d.in_channels = in_channels;
  d.out_channels = out_channels;
  for (int a = 0; a < 2; ++a) {
    d.axis[a].input = 11 + 30 * a;
    d.axis[a].kernel = kernel;
    d.axis[a].stride = stride;
    d.axis[a].pad_begin = d.axis[a].pad_end = pad;
  }
  return d;
}

std::vector<tconv::Description> layers() {
  std::vector<tconv::Description> all = {layer(5, 1, 9, 2, 4), layer(7, 3, 4, 2, 1), layer(4, 2, 9, 3, 4),
                                         layer(3, 2, 3, 2, 1), layer(6, 1, 3, 1, 1), layer(2, 5, 16, 5, 3)};
  all.push_back(layer(4, 2, 4, 2, 1));
  all.back().axis[0].dilation = 3;
  all.push_back(layer(6, 4, 4, 2, 1));
  all.back().groups = 2;
  all.back().input_activation = {tconv::ActivationKind::leaky_relu, 0.25f, 0, nullptr};
  all.back().activation.kind = tconv::ActivationKind::relu;
  return all;
}

struct Made {
  tconv::Status status;
  tconv::ConvTranspose op;
};

Made make(const Problem& problem, const Variant& variant, const tconv::Options& options) {
  auto created = tconv::ConvTranspose::create(described(problem, variant), problem.w.data(), problem.bias.data(), options);
  Made made;
  made.status = created.status();
  if (created.ok()) made.op = std::move(*created);
  return made;
}

tconv::Options forced(tconv::Target target) {
  tconv::Options options;
  options.target = target;
  options.algorithm = Algorithm::planar_winograd;
  return options;
}

TEST_P(PlanarWinograd, EveryTileOnBothGrids) {
  Random random(91);
  int ran = 0;
  for (const tconv::Description& d : layers()) {
    const Problem problem = make_problem(d, random, Data::real);
    for (tconv::Layout layout : all_layouts) {
      Variant variant;
      variant.layout = layout;
      for (Grid grid : {Grid::outputs, Grid::inputs}) {
        for (int outputs = 2; outputs < 8; ++outputs) {
          tconv::Options options = forced(GetParam());
          options.winograd.grid = grid;
          options.winograd.outputs = outputs;
          const Made made = make(problem, variant, options);
          if (made.status.code() == tconv::StatusCode::unsupported) continue;
          ASSERT_TRUE(made.status.ok()) << made.status.message();
          const std::string where =
              to_string(d) + " " + made.op.plan().variant + ", layout " + std::to_string(static_cast<int>(layout)) + ", seed 91";
          EXPECT_EQ(filtering_of(problem.sizes, made.op.plan()).axis[1].outputs, outputs) << where;
          EXPECT_EQ(run_on(made.op, problem, variant).failure, "") << where;
          ++ran;
        }
      }
    }
  }
  if (ran == 0) GTEST_SKIP() << "left out of this build";
  EXPECT_GT(ran, 60);
}

TEST_P(PlanarWinograd, LimitsAreKept) {
  Random random(92);
  for (tconv::Description d : layers()) {
    d.axis[1].input = 700;  // several strips
    d.axis[0].input = 5;
    const Problem problem = make_problem(d, random, Data::real);
    for (tconv::Layout layout : all_layouts) {
      Variant variant;
      variant.layout = layout;
      const Made free = make(problem, variant, forced(GetParam()));
      if (!free.status.ok()) GTEST_SKIP() << "left out of this build";
      for (size_t workspace : {size_t{128} << 10, size_t{200} << 10}) {
        tconv::Options options = forced(GetParam());
        options.max_workspace_bytes = workspace;
        const Made made = make(problem, variant, options);
        ASSERT_TRUE(made.status.ok()) << made.status.message() << to_string(d);
        EXPECT_LE(made.op.workspace_bytes(), workspace) << to_string(d);
        EXPECT_EQ(run_on(made.op, problem, variant).failure, "") << to_string(d) << ", seed 92";
      }
      tconv::Options options = forced(GetParam());
      options.max_workspace_bytes = (size_t{128} << 10) - 1;
      EXPECT_EQ(make(problem, variant, options).status.code(), tconv::StatusCode::unsupported);
      options = forced(GetParam());
      options.max_packed_bytes = 16;
      EXPECT_EQ(make(problem, variant, options).status.code(), tconv::StatusCode::unsupported);
      options = forced(GetParam());
      options.winograd.accuracy = WinogradAccuracy::off;
      EXPECT_EQ(make(problem, variant, options).status.code(), tconv::StatusCode::unsupported);
      options.winograd.accuracy = WinogradAccuracy::strict;
      const Made strict = make(problem, variant, options);
      if (!strict.status.ok()) continue;
      EXPECT_EQ(run_on(strict.op, problem, variant).failure, "") << to_string(d) << ", seed 92";
    }
  }
}

// The workspace does not grow with the image.
TEST_P(PlanarWinograd, WorkspaceIsThatOfAStrip) {
  Random random(93);
  tconv::Description d = layer(16, 1, 9, 2, 4);
  const Floats weights(static_cast<size_t>(16 * 81), 0.5f);
  for (int64_t size : {64, 4096, 100000}) {
    d.axis[0].input = d.axis[1].input = size;
    const auto op = tconv::ConvTranspose::create(d, weights.data(), nullptr, forced(GetParam()));
    if (!op.ok()) GTEST_SKIP() << "left out of this build";
    EXPECT_LE(op->workspace_bytes(), size_t{4} << 20) << size;
  }
}

TCONV_INSTANTIATE_ON_TARGETS(PlanarWinograd);

}  // namespace
}  // namespace tconv_test
