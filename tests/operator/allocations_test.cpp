// What create, reshape, run and the destructor take from the heap, and what they do when it gives nothing.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "support/allocation_counter.hpp"
#include "support/sweep.hpp"

namespace tconv_test {
namespace {

class Allocation : public OnTarget {
 protected:
  static tconv::Description layer(int64_t groups, tconv::ActivationKind kind = tconv::ActivationKind::gelu) {
    tconv::Description d;
    d.in_channels = d.out_channels = 24;
    d.groups = groups;
    for (int a = 0; a < 2; ++a) {
      d.axis[a].input = 6 + a;
      d.axis[a].kernel = 4;
      d.axis[a].stride = 2;
      d.axis[a].pad_begin = d.axis[a].pad_end = 1;
    }
    d.activation.kind = kind;
    d.input_activation = {tconv::ActivationKind::leaky_relu, 0.1f, 0, nullptr};
    return d;
  }

  // f(op, problem, variant) for every layout and algorithm that takes one of the layers.
  template <typename Function>
  void each_operator(Function f) {
    Random random(41);
    for (int64_t groups : {1, 3, 24}) {
      for (auto kind : {tconv::ActivationKind::gelu, tconv::ActivationKind::none}) {
        if (kind == tconv::ActivationKind::none && groups != 1 && effort(0, 1, 1) == 0) continue;
        const Problem problem = make_problem(layer(groups, kind), random, Data::real);
        for (tconv::Layout layout : all_layouts) {
          for (tconv::Algorithm algorithm : automatic_and_all_algorithms) {
            Variant variant;
            variant.target = GetParam();
            variant.layout = layout;
            variant.algorithm = algorithm;
            tconv::ConvTranspose op;
            const Outcome created = create(problem, variant, &op);
            if (created.unsupported) continue;
            ASSERT_EQ(created.failure, "") << to_string(variant);
            f(op, problem, variant);
          }
        }
      }
    }
  }
};

// What a run makes of the problem's inputs, in whatever layout the operator takes them to be.
Floats numbers_of(const tconv::ConvTranspose& op, const Problem& problem) {
  Floats output(problem.expected.value.size());
  const GuardBuffer workspace(op.workspace_bytes(1), Placement::ends_at_guard, tconv::ConvTranspose::workspace_alignment);
  EXPECT_TRUE(op.run(problem.x.data(), output.data(), workspace.data(), workspace.bytes()).ok());
  return output;
}

// Calls in order, on the calling thread, and takes nothing from the heap itself.
void in_order(void*, size_t count, void (*function)(void*, size_t), void* argument) {
  for (size_t i = 0; i < count; ++i) function(argument, i);
}

TEST(AllocationCounter, Counts) {
  start_counting_allocations();
  void* volatile taken = std::malloc(1000);
  std::free(taken);
  int* volatile made = new int[10];
  delete[] made;
  const Allocations counted = stop_counting_allocations();
  EXPECT_EQ(counted.calls, 2);
  EXPECT_EQ(counted.frees, 2);
  EXPECT_EQ(counted.largest, 1000);
}

TEST_P(Allocation, RunTakesNothing) {
  each_operator([](const tconv::ConvTranspose& op, const Problem& problem, const Variant& variant) {
    Floats input(problem.x.size(), 0.5f);
    Floats output(problem.expected.value.size());
    for (size_t threads : {1, 4}) {
      const GuardBuffer workspace(op.workspace_bytes(threads), Placement::ends_at_guard, tconv::ConvTranspose::workspace_alignment);
      tconv::Parallelism parallelism;
      if (threads > 1) parallelism.parallel_for = in_order;
      parallelism.threads = threads;
      start_counting_allocations();
      const tconv::Status status = op.run(input.data(), output.data(), workspace.data(), workspace.bytes(), parallelism);
      const Allocations counted = stop_counting_allocations();
      EXPECT_TRUE(status.ok()) << status.message() << "\n  " << to_string(variant);
      EXPECT_EQ(counted.calls, 0) << "threads " << threads << ", " << to_string(problem.layer) << "\n  " << to_string(variant);
      EXPECT_EQ(counted.frees, 0) << "threads " << threads << ", " << to_string(problem.layer) << "\n  " << to_string(variant);
    }
  });
}

// Nor does it when it refuses to run; and a create() or reshape() that is refused keeps nothing.
TEST_P(Allocation, ErrorsKeepNothing) {
  if (!every_allocation_is_counted()) GTEST_SKIP() << "the sanitizer hides aligned_alloc";
  each_operator([](tconv::ConvTranspose& op, const Problem& problem, const Variant&) {
    Floats input(problem.x.size(), 0.5f);
    tconv::Description wrong = problem.layer;
    wrong.axis[0].stride = 0;
    start_counting_allocations();
    const bool ran = op.run(input.data(), nullptr).ok();
    Allocations counted = stop_counting_allocations();
    EXPECT_FALSE(ran);
    EXPECT_EQ(counted.calls, 0);
    start_counting_allocations();
    const bool made = tconv::ConvTranspose::create(wrong, problem.w.data()).ok();
    const bool changed = op.reshape(wrong).ok();
    counted = stop_counting_allocations();
    EXPECT_FALSE(made);
    EXPECT_FALSE(changed);
    EXPECT_EQ(counted.calls, counted.frees);
  });
}

// reshape() never repacks: nothing as large as the weights is taken, and what is held stays the same.
TEST_P(Allocation, ReshapeDoesNotRepack) {
  each_operator([](tconv::ConvTranspose& op, const Problem& problem, const Variant& variant) {
    const size_t packed = op.packed_bytes();
    EXPECT_GE(packed, problem.w.size() * sizeof(float)) << to_string(variant);
    tconv::Description d = op.description();
    d.batch = 3;
    d.axis[0].input = 19;
    d.axis[1].output_padding = 1;
    start_counting_allocations();
    const tconv::Status status = op.reshape(d);
    const Allocations counted = stop_counting_allocations();
    EXPECT_TRUE(status.ok()) << status.message() << "\n  " << to_string(variant);
    EXPECT_LT(counted.largest, static_cast<int64_t>(problem.w.size() * sizeof(float))) << to_string(variant);
    EXPECT_EQ(op.packed_bytes(), packed) << to_string(variant);
  });
}

TEST_P(Allocation, EverythingIsGivenBack) {
  if (!every_allocation_is_counted()) GTEST_SKIP() << "the sanitizer hides aligned_alloc";
  Random random(42);
  const Problem problem = make_problem(layer(1), random, Data::real);
  for (tconv::Algorithm algorithm : automatic_and_all_algorithms) {
    for (tconv::Layout layout : all_layouts) {
      tconv::Description d = problem.layer;
      d.layout = layout;
      tconv::Options options;
      options.target = GetParam();
      options.algorithm = algorithm;
      start_counting_allocations();
      {
        auto op = tconv::ConvTranspose::create(d, problem.w.data(), problem.bias.data(), options);
        if (op.ok()) {
          tconv::ConvTranspose moved(std::move(*op));
          tconv::ConvTranspose assigned;
          assigned = std::move(moved);
          d.batch = 2;
          EXPECT_TRUE(assigned.reshape(d).ok());
          auto second = tconv::ConvTranspose::create(d, problem.w.data(), problem.bias.data(), options);
          assigned = std::move(*second);  // frees the first, now or with `second`
        }
      }
      const Allocations counted = stop_counting_allocations();
      EXPECT_EQ(counted.calls, counted.frees) << tconv::algorithm_name(algorithm);
    }
  }
}

// create() with its first, second, ... allocation failing, until it takes no more than succeed: it says out_of_memory and gives
// everything back, or it could do without (the cache sizes are read through stdio) and made an operator that is right.
TEST_P(Allocation, CreateSurvivesEveryFailure) {
  if (!allocations_can_fail()) GTEST_SKIP() << "the sanitizer owns malloc";
  each_operator([](tconv::ConvTranspose&, const Problem& problem, const Variant& variant) {
    tconv::Options options;
    options.target = GetParam();
    options.algorithm = variant.algorithm;
    const tconv::Description d = described(problem, variant);
    int64_t reported = 0;
    for (int64_t number = 0;; ++number) {
      ASSERT_LT(number, 100);
      SCOPED_TRACE("allocation " + std::to_string(number) + ", " + to_string(variant));
      fail_allocation(number);
      start_counting_allocations();
      auto op = tconv::ConvTranspose::create(d, problem.w.data(), problem.bias.data(), options);
      const Allocations counted = stop_counting_allocations();
      fail_allocation(-1);
      if (op.ok()) {
        EXPECT_EQ(run_on(*op, problem, variant).failure, "");
        if (counted.calls <= number) break;
      } else {
        ++reported;
        EXPECT_EQ(op.status().code(), tconv::StatusCode::out_of_memory) << op.status().message();
        EXPECT_EQ(counted.calls - 1, counted.frees) << "another allocation was not given back";
      }
    }
    EXPECT_GT(reported, 0);
  });
}

// A reshape that finds no memory, once or from then on, does without, or leaves the operator as it was.
TEST_P(Allocation, ReshapeSurvivesEveryFailure) {
  if (!allocations_can_fail()) GTEST_SKIP() << "the sanitizer owns malloc";
  each_operator([](tconv::ConvTranspose& op, const Problem& problem, const Variant& variant) {
    tconv::Description larger = problem.layer;
    larger.batch = 2;
    larger.axis[0].input = 13;
    Random random(44);
    const Problem reshaped = make_reshaped(problem, larger, random, Data::real);
    const tconv::Description d = described(reshaped, variant);
    const Floats before = numbers_of(op, problem);
    for (bool lasting : {true, false}) {
      for (int64_t number = 0;; ++number) {
        ASSERT_LT(number, 100);
        SCOPED_TRACE("allocation " + std::to_string(number) + (lasting ? " and all later ones, " : ", ") + to_string(variant));
        fail_allocation(number, lasting);
        start_counting_allocations();
        const tconv::Status status = op.reshape(d);
        const Allocations counted = stop_counting_allocations();
        fail_allocation(-1);
        if (status.ok()) {
          EXPECT_EQ(run_on(op, reshaped, variant).failure, "");
          EXPECT_TRUE(op.reshape(described(problem, variant)).ok());
          if (counted.calls <= number) break;
          continue;
        }
        EXPECT_EQ(status.code(), tconv::StatusCode::out_of_memory) << status.message();
        EXPECT_EQ(op.description().batch, 1);
        EXPECT_EQ(numbers_of(op, problem), before) << "after a failed reshape";
      }
    }
  });
}

TCONV_INSTANTIATE_ON_TARGETS(Allocation);

// Runs in a child whose address space is limited to 1 GiB more than it has, so that overcommitting systems refuse, too.
// Exit status: 0 for out_of_memory and no page touched, else a number that says what happened.
[[noreturn]] void create_huge(const tconv::Description& d) {
  rlimit limit;
  getrlimit(RLIMIT_AS, &limit);
  size_t pages = 0;
  if (FILE* statm = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(statm, "%zu", &pages) != 1) pages = 0;
    std::fclose(statm);
  }
  limit.rlim_cur = pages * 4096 + (size_t{1} << 30);
  setrlimit(RLIMIT_AS, &limit);
  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  const float weight = 1;  // the size of what is asked for is refused before anything of it is read
  const auto op = tconv::ConvTranspose::create(d, &weight);
  getrusage(RUSAGE_SELF, &after);
  if (op.ok()) std::_Exit(1);
  std::fprintf(stderr, "%s\n", op.status().message());
  if (op.status().code() != tconv::StatusCode::out_of_memory) std::_Exit(2);
  if (after.ru_maxrss - before.ru_maxrss > 64 * 1024) std::_Exit(3);
  std::_Exit(0);
}

TEST(AllocationDeathTest, HugeLegalWeightsAreOutOfMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer's shadow memory needs the whole address space";
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  tconv::Description channels;
  channels.in_channels = channels.out_channels = int64_t{1} << 20;  // 2^40 weights
  EXPECT_EXIT(create_huge(channels), testing::ExitedWithCode(0), "");
  tconv::Description kernel;
  kernel.axis[0].kernel = kernel.axis[1].kernel = int64_t{1} << 20;
  kernel.axis[0].pad_begin = kernel.axis[1].pad_begin = (int64_t{1} << 20) - 1;
  EXPECT_EXIT(create_huge(kernel), testing::ExitedWithCode(0), "");
  tconv::Description depthwise;
  depthwise.in_channels = depthwise.out_channels = depthwise.groups = int64_t{1} << 40;
  EXPECT_EXIT(create_huge(depthwise), testing::ExitedWithCode(0), "");
  tconv::Description just_too_large;
  just_too_large.in_channels = just_too_large.out_channels = int64_t{1} << 15;  // 4 GiB
  EXPECT_EXIT(create_huge(just_too_large), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace tconv_test
