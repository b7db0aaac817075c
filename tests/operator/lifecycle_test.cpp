// An operator's life: empty, created, moved, reshaped, run with good and bad arguments.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "support/random_layer.hpp"
#include "support/sweep.hpp"

namespace tconv_test {
namespace {

using tconv::ConvTranspose;
using tconv::StatusCode;

tconv::Description layer(int64_t channels = 12) {
  tconv::Description d;
  d.in_channels = channels;
  d.out_channels = channels;
  for (int a = 0; a < 2; ++a) {
    d.axis[a].input = 5 + a;
    d.axis[a].kernel = 4;
    d.axis[a].stride = 2;
    d.axis[a].pad_begin = d.axis[a].pad_end = 1;
  }
  return d;
}

void expect_error(const tconv::Status& status, StatusCode code, const char* word) {
  EXPECT_EQ(status.code(), code) << status.message();
  EXPECT_NE(std::strstr(status.message(), word), nullptr) << '"' << status.message() << "\" does not name " << word;
}

TEST(Lifecycle, AnEmptyOperatorRefuses) {
  ConvTranspose op;
  float value = 0;
  EXPECT_EQ(op.run(&value, &value).code(), StatusCode::invalid_argument);
  EXPECT_EQ(op.reshape(layer()).code(), StatusCode::invalid_argument);
  EXPECT_EQ(op.workspace_bytes(), 0u);
  EXPECT_EQ(op.packed_bytes(), 0u);
}

TEST(Lifecycle, AMovedFromOperatorIsEmptyAndTheOtherWorks) {
  Random random(51);
  const Problem problem = make_problem(layer(), random, Data::whole);
  const Variant variant;
  ConvTranspose first;
  ASSERT_EQ(create(problem, variant, &first).failure, "");
  ConvTranspose second(std::move(first));
  float value = 0;
  EXPECT_EQ(first.run(&value, &value).code(), StatusCode::invalid_argument);  // NOLINT(bugprone-use-after-move): the point
  EXPECT_EQ(run_on(second, problem, variant).failure, "");
  ConvTranspose third;
  third = std::move(second);
  EXPECT_EQ(run_on(third, problem, variant).failure, "");
  ConvTranspose& alias = third;
  third = std::move(alias);
  EXPECT_EQ(run_on(third, problem, variant).failure, "") << "after assigning an operator to itself";
  third = ConvTranspose();
  EXPECT_EQ(third.run(&value, &value).code(), StatusCode::invalid_argument);
}

TEST(Lifecycle, DescriptionAndGeometryAreThoseGiven) {
  Random random(52);
  const Problem problem = make_problem(layer(), random, Data::whole);
  ConvTranspose op;
  ASSERT_EQ(create(problem, {}, &op).failure, "");
  EXPECT_EQ(op.description().in_channels, problem.layer.in_channels);
  EXPECT_EQ(op.description().axis[1].input, problem.layer.axis[1].input);
  EXPECT_EQ(op.geometry().output[2], problem.sizes.output[2]);
  EXPECT_EQ(op.geometry().output_elements, problem.sizes.output_elements());
  EXPECT_NE(op.plan().algorithm, tconv::Algorithm::automatic);
  EXPECT_NE(op.plan().target, tconv::Target::automatic);
  EXPECT_STRNE(op.plan().reason, "");
  EXPECT_GT(op.plan().multiplications, 0);
  EXPECT_LE(op.plan().multiplications, problem.sizes.multiplications());
  EXPECT_LT(op.plan().multiplications, op.plan().zero_insertion_multiplications);
}

TEST(Lifecycle, NullPointersAreNamed) {
  Random random(53);
  tconv::Description d = layer();
  d.residual = true;
  const Problem problem = make_problem(d, random, Data::whole);
  expect_error(ConvTranspose::create(d, nullptr).status(), StatusCode::invalid_argument, "weights");
  ConvTranspose op;
  ASSERT_EQ(create(problem, {}, &op).failure, "");
  Floats input(problem.x.size());
  Floats output(problem.expected.value.size(), 7.0f);
  const GuardBuffer aligned(op.workspace_bytes(), Placement::ends_at_guard, ConvTranspose::workspace_alignment);
  const auto run = [&](const float* in, float* out, const float* residual) {
    return op.run(in, out, aligned.data(), aligned.bytes(), {}, residual);
  };
  expect_error(run(nullptr, output.data(), input.data()), StatusCode::invalid_argument, "input");
  expect_error(run(input.data(), nullptr, input.data()), StatusCode::invalid_argument, "output");
  expect_error(run(input.data(), output.data(), nullptr), StatusCode::invalid_argument, "residual");
  EXPECT_EQ(output, Floats(output.size(), 7.0f)) << "something was written in spite of the error";
}

// A residual that the description does not have: an error, or it is ignored; never added.
TEST(Lifecycle, AnUnexpectedResidualIsNotAdded) {
  Random random(54);
  const Problem problem = make_problem(layer(), random, Data::whole);
  ConvTranspose op;
  ASSERT_EQ(create(problem, {}, &op).failure, "");
  const GuardBuffer workspace(op.workspace_bytes(), Placement::ends_at_guard, ConvTranspose::workspace_alignment);
  Floats output(problem.expected.value.size());
  const Floats residual(output.size(), 1000.0f);
  if (op.run(problem.x.data(), output.data(), workspace.data(), workspace.bytes(), {}, residual.data()).ok()) {
    EXPECT_EQ(compare(problem, output), "");
  }
}

class Workspace : public OnTarget {};

// Too small by one byte, none at all, misaligned: refused before anything is written. (Exact sizes, ending at a guard page, are
// what all other tests run with.)
TEST_P(Workspace, WrongOnesAreRefused) {
  Random random(55);
  int64_t needed = 0;
  for (int64_t round = 0; round < 200; ++round) {
    tconv::Description d = random_layer(random);
    d.residual = false;
    const Problem problem = make_problem(d, random, Data::whole);
    for (tconv::Layout layout : all_layouts) {
      for (tconv::Algorithm algorithm : automatic_and_all_algorithms) {
        Variant variant;
        variant.target = GetParam();
        variant.layout = layout;
        variant.algorithm = algorithm;
        ConvTranspose op;
        const Outcome created = create(problem, variant, &op);
        if (created.unsupported) continue;
        ASSERT_EQ(created.failure, "") << to_string(d);
        for (size_t threads : {1, 4}) {
          const size_t bytes = op.workspace_bytes(threads);
          EXPECT_GE(bytes, op.workspace_bytes(1)) << to_string(d) << "\n  " << to_string(variant);
          if (bytes == 0) continue;
          ++needed;
          const GuardBuffer room(bytes + 64, Placement::ends_at_guard, ConvTranspose::workspace_alignment);
          Floats output(problem.expected.value.size(), 7.0f);
          tconv::Parallelism parallelism;
          parallelism.threads = threads;
          parallelism.parallel_for = [](void*, size_t count, void (*function)(void*, size_t), void* argument) {
            for (size_t i = 0; i < count; ++i) function(argument, i);
          };
          const auto run = [&](void* workspace, size_t size) {
            return op.run(problem.x.data(), output.data(), workspace, size, parallelism);
          };
          expect_error(run(nullptr, bytes), StatusCode::invalid_argument, "workspace");
          expect_error(run(nullptr, 0), StatusCode::invalid_argument, "workspace");
          expect_error(run(room.data(), bytes - 1), StatusCode::invalid_argument, "workspace");
          expect_error(run(static_cast<char*>(room.data()) + 4, bytes), StatusCode::invalid_argument, "workspace");
          ASSERT_EQ(output, Floats(output.size(), 7.0f)) << "something was written in spite of the error: " << to_string(d);
          EXPECT_TRUE(run(room.data(), bytes).ok()) << to_string(d) << "\n  " << to_string(variant);
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  }
  if (needed == 0) GTEST_SKIP() << "no plan of this sweep needs a workspace";
}

TCONV_INSTANTIATE_ON_TARGETS(Workspace);

}  // namespace
}  // namespace tconv_test
