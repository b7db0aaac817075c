// Tensors that are slices of larger ones: what lies between their elements is neither read into a result nor written.
// run_on() fills the gaps of the input and the residual with NaN, and those of the output with a pattern that must survive.
#include <gtest/gtest.h>

#include "support/random_layer.hpp"
#include "support/sweep.hpp"

namespace tconv_test {
namespace {

class Pitches : public OnTarget {};

tconv::Description decoder_stage() {
  tconv::Description d;
  d.batch = 2;
  d.in_channels = 6;
  d.out_channels = 10;
  d.residual = true;
  for (int a = 0; a < 2; ++a) {
    d.axis[a].input = 4 + a;
    d.axis[a].kernel = 4;
    d.axis[a].stride = 2;
    d.axis[a].pad_begin = d.axis[a].pad_end = 1;
  }
  return d;
}

// Each level alone, for each tensor: gaps of 1 and of an odd number.
TEST_P(Pitches, EachLevelOfEachTensor) {
  Random random(4);
  Sweep sweep(GetParam(), "seed 4");
  const Problem problem = make_problem(decoder_stage(), random, Data::whole);
  int64_t Gaps::*const levels[] = {&Gaps::pixel, &Gaps::row, &Gaps::plane, &Gaps::channel, &Gaps::batch};
  Gaps Variant::*const tensors[] = {&Variant::input_gaps, &Variant::output_gaps, &Variant::residual_gaps};
  for (auto tensor : tensors) {
    for (auto level : levels) {
      for (int64_t gap : {1, 7, 64}) {
        for (bool in_place : {false, true}) {
          Variant variant;
          variant.*tensor.*level = gap;
          variant.residual_in_place = in_place;
          sweep.run(problem, variant);
        }
      }
    }
  }
}

TEST_P(Pitches, AllLevelsOnThreeAxes) {
  Random random(5);
  Sweep sweep(GetParam(), "seed 5");
  tconv::Description d = decoder_stage();
  d.rank = 3;
  d.axis[2] = d.axis[1];
  d.axis[0].input = 2;
  const Problem problem = make_problem(d, random, Data::whole);
  Variant variant;
  variant.input_gaps = {3, 5, 2, 1, 7};
  variant.output_gaps = {1, 3, 9, 4, 5};
  variant.residual_gaps = {2, 1, 1, 6, 3};
  for (Placement placement : {Placement::ends_at_guard, Placement::begins_at_guard}) {
    variant.placement = placement;
    sweep.run(problem, variant);
  }
}

// A U-Net's concatenation: two operators write the two channel halves of one tensor, at every split and in both orders.
TEST_P(Pitches, TwoOperatorsFillOneTensor) {
  Random random(6);
  for (tconv::Layout layout : all_layouts) {
    for (int64_t left : {1, 3, 8, 13, 16}) {
      const int64_t right = 17 - left;
      tconv::Description d = decoder_stage();
      d.residual = false;
      d.batch = 1;
      d.layout = layout;
      d.out_channels = left;
      const Problem first = make_problem(d, random, Data::whole);
      d.out_channels = right;
      const Problem second = make_problem(d, random, Data::whole);
      const TensorLayout whole = tensor_layout(layout, 1, 17, first.sizes.output);
      for (bool second_first : {false, true}) {
        const GuardBuffer output(static_cast<size_t>(whole.span) * sizeof(float), Placement::ends_at_guard);
        tconv::PlanSummary plan[2];
        for (bool is_second : {second_first, !second_first}) {
          const Problem& problem = is_second ? second : first;
          tconv::Description slice = problem.layer;
          slice.output_pitch = whole.pitch();
          slice.output_pitch.pixel = whole.distance[4];
          slice.output_pitch.row = whole.distance[3];
          slice.output_pitch.plane = whole.distance[2];
          slice.output_pitch.channel = whole.distance[1];
          tconv::Options options;
          options.target = GetParam();
          auto op = tconv::ConvTranspose::create(slice, problem.w.data(), problem.bias.data(), options);
          ASSERT_TRUE(op.ok()) << op.status().message();
          plan[is_second] = op->plan();
          const TensorLayout in = tensor_layout(layout, 1, d.in_channels, problem.sizes.input);
          Floats input(static_cast<size_t>(in.span));
          in.each([&](int64_t i, int64_t offset) { input[static_cast<size_t>(offset)] = problem.x[static_cast<size_t>(i)]; });
          const GuardBuffer workspace(op->workspace_bytes(), Placement::ends_at_guard, tconv::ConvTranspose::workspace_alignment);
          const tconv::Status status = op->run(input.data(), output.floats() + (is_second ? left * whole.distance[1] : 0),
                                               workspace.data(), workspace.bytes());
          ASSERT_TRUE(status.ok()) << status.message();
        }
        for (bool is_second : {false, true}) {
          const Problem& problem = is_second ? second : first;
          Floats actual(problem.expected.value.size());
          tensor_layout(layout, 1, is_second ? right : left, problem.sizes.output)
              .each([&, i = size_t{0}](int64_t, int64_t) mutable {
                const int64_t cells = problem.sizes.output_cells();
                const int64_t channel = static_cast<int64_t>(i) / cells + (is_second ? left : 0);
                const int64_t cell = static_cast<int64_t>(i) % cells;
                const int64_t width = problem.sizes.output[2];
                actual[i++] = output.floats()[whole.offset(0, channel, 0, cell / width, cell % width)];
              });
          EXPECT_EQ(compare(problem, actual, plan[is_second]), "") << "split " << left << ", layout " << static_cast<int>(layout);
        }
      }
    }
  }
}

TCONV_INSTANTIATE_ON_TARGETS(Pitches);

}  // namespace
}  // namespace tconv_test
