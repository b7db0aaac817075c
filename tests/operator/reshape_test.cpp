// reshape(): every field it may change changes the result as the oracle says; every other field is refused, and the operator stays
// what it was.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "support/random_layer.hpp"
#include "support/sweep.hpp"

namespace tconv_test {
namespace {

using tconv::Description;
using tconv::StatusCode;

class Reshape : public OnTarget {};

Description layer(int64_t groups) {
  Description d;
  d.in_channels = d.out_channels = 8;
  d.groups = groups;
  for (int a = 0; a < 2; ++a) {
    d.axis[a].input = 5 + a;
    d.axis[a].kernel = 3;
    d.axis[a].stride = 2;
    d.axis[a].dilation = 1;
    d.axis[a].pad_begin = d.axis[a].pad_end = 1;
  }
  d.activation = {tconv::ActivationKind::leaky_relu, 0.5f, 0, nullptr};
  return d;
}

struct Change {
  const char* name;
  std::function<void(Description*)> apply;
};

const std::vector<Change>& allowed_changes() {
  static const std::vector<Change> changes = {
      {"only the output padding", [](Description* d) { d->axis[1].output_padding = 1; }},
      {"only the output padding, back", [](Description* d) { d->axis[1].output_padding = 0; }},
      {"only the padding at the beginning", [](Description* d) { d->axis[0].pad_begin = 2; }},
      {"only the padding at the end", [](Description* d) { d->axis[1].pad_end = 0; }},
      {"batch", [](Description* d) { d->batch = 4; }},
      {"larger", [](Description* d) { d->axis[0].input = 17, d->axis[1].input = 23; }},
      {"smaller", [](Description* d) { d->axis[0].input = 2, d->axis[1].input = 3; }},
      {"one pixel", [](Description* d) { d->axis[0].input = d->axis[1].input = 1, d->axis[0].pad_begin = 0; }},
      {"SAME_UPPER", [](Description* d) { d->auto_pad = tconv::AutoPad::same_upper, d->axis[0].input = d->axis[1].input = 6; }},
      {"SAME_LOWER", [](Description* d) { d->auto_pad = tconv::AutoPad::same_lower; }},
      {"output_shape", [](Description* d) { d->output_shape[0] = 11, d->output_shape[1] = 9; }},
      {"back to paddings as given",
       [](Description* d) {
         d->auto_pad = tconv::AutoPad::notset;
         d->output_shape[0] = d->output_shape[1] = 0;
       }},
  };
  return changes;
}

// One operator through all changes, one after the other.
TEST_P(Reshape, EachFieldGivesTheOraclesResult) {
  Random random(61);
  for (int64_t groups : {1, 2, 8}) {
    Problem problem = make_problem(layer(groups), random, Data::whole);
    const Problem original = problem;
    for (tconv::Layout layout : all_layouts) {
      for (tconv::Algorithm algorithm : automatic_and_all_algorithms) {
        Variant variant;
        variant.target = GetParam();
        variant.layout = layout;
        variant.algorithm = algorithm;
        tconv::ConvTranspose op;
        problem = original;
        const Outcome created = create(problem, variant, &op);
        if (created.unsupported) continue;
        ASSERT_EQ(created.failure, "") << to_string(variant);
        const size_t packed = op.packed_bytes();
        for (const Change& change : allowed_changes()) {
          Description next = problem.layer;
          change.apply(&next);
          problem = make_reshaped(problem, next, random, Data::whole);
          variant.input_gaps = random_gaps(random);
          variant.output_gaps = random_gaps(random);
          const tconv::Status status = op.reshape(described(problem, variant));
          ASSERT_TRUE(status.ok()) << change.name << ": " << status.message();
          EXPECT_EQ(run_on(op, problem, variant).failure, "")
              << change.name << "\n  " << to_string(next) << "\n  " << to_string(variant);
          EXPECT_EQ(op.packed_bytes(), packed) << change.name;
          EXPECT_EQ(op.geometry().output_elements, problem.sizes.output_elements()) << change.name;
        }
      }
    }
  }
}

TEST_P(Reshape, RandomSizes) {
  constexpr uint64_t seed = 62;
  Random random(seed);
  LayerLimits limits;
  limits.multiplications = 20000;
  const int64_t rounds = effort(30, 300, 5000);
  for (int64_t round = 0; round < rounds && !HasFailure(); ++round) {
    Description d = random_layer(random, limits);
    Problem problem = make_problem(d, random, Data::whole);
    Variant variant;
    variant.target = GetParam();
    variant.layout = chance(random, 0.5) ? tconv::Layout::nhwc : tconv::Layout::nchw;
    tconv::ConvTranspose op;
    ASSERT_EQ(create(problem, variant, &op).failure, "") << to_string(d);
    for (int step = 0; step < 4; ++step) {
      for (int a = 0; a < d.rank; ++a) {
        d.axis[a].input = uniform(random, 1, 9);
        d.output_shape[a] = 0;
      }
      d.batch = uniform(random, 1, 3);
      const LayerSizes z = layer_sizes(d);
      if (z.output[0] < 1 || z.output[1] < 1 || z.output[2] < 1) continue;
      if (z.multiplications() > 4 * limits.multiplications || z.output_elements() > 4 * limits.elements) continue;
      problem = make_reshaped(problem, d, random, Data::whole);
      const tconv::Status status = op.reshape(described(problem, variant));
      ASSERT_TRUE(status.ok()) << status.message() << ": " << to_string(d);
      EXPECT_EQ(run_on(op, problem, variant).failure, "")
          << "seed " << seed << ", round " << round << ", step " << step << "\n  " << to_string(d) << "\n  " << to_string(variant);
    }
  }
}

TEST_P(Reshape, OtherFieldsAreRefusedAndNothingChanges) {
  const Change refused[] = {
      {"kernel", [](Description* d) { d->axis[0].kernel = 4; }},
      {"stride", [](Description* d) { d->axis[1].stride = 3; }},
      {"dilation", [](Description* d) { d->axis[1].dilation = 2; }},
      {"in_channels", [](Description* d) { d->in_channels = 4; }},
      {"out_channels", [](Description* d) { d->out_channels = 4; }},
      {"groups", [](Description* d) { d->groups = 2; }},
      {"layout", [](Description* d) { d->layout = d->layout == tconv::Layout::nchw ? tconv::Layout::nhwc : tconv::Layout::nchw; }},
      {"activation", [](Description* d) { d->activation.kind = tconv::ActivationKind::relu; }},
      {"activation", [](Description* d) { d->activation.alpha = 0.25f; }},
      {"input_activation", [](Description* d) { d->input_activation.kind = tconv::ActivationKind::relu; }},
      {"rank", [](Description* d) { d->rank = 1; }},
      // Errors of resolve().
      {"pad_begin", [](Description* d) { d->axis[0].pad_begin = -1; }},
      {"input", [](Description* d) { d->axis[0].input = 0; }},
      {"output_padding", [](Description* d) { d->axis[0].output_padding = 2; }},
      {"batch", [](Description* d) { d->batch = 0; }},
      {"output_pitch", [](Description* d) { d->output_pitch.row = 1; }},
  };
  Random random(63);
  const Problem problem = make_problem(layer(1), random, Data::whole);
  for (tconv::Layout layout : all_layouts) {
    Variant variant;
    variant.target = GetParam();
    variant.layout = layout;
    tconv::ConvTranspose op;
    ASSERT_EQ(create(problem, variant, &op).failure, "");
    for (const Change& change : refused) {
      Description next = described(problem, variant);
      next.batch = 2;
      change.apply(&next);
      const tconv::Status status = op.reshape(next);
      EXPECT_EQ(status.code(), StatusCode::invalid_argument) << change.name << ": " << status.message();
      EXPECT_NE(std::strstr(status.message(), change.name), nullptr)
          << '"' << status.message() << "\" does not name " << change.name;
      EXPECT_EQ(op.description().batch, 1) << change.name;
      EXPECT_EQ(op.geometry().output_elements, problem.sizes.output_elements()) << change.name;
      EXPECT_EQ(run_on(op, problem, variant).failure, "") << "after a refused change of " << change.name;
    }
  }
}

TCONV_INSTANTIATE_ON_TARGETS(Reshape);

}  // namespace
}  // namespace tconv_test
