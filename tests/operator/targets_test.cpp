// Targets and algorithms by name, and how one is chosen: the option, the environment, the best that the machine has.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "support/problem.hpp"

namespace tconv_test {
namespace {

using tconv::StatusCode;
using tconv::Target;

// Sets or (nullptr) unsets TCONV_TARGET for the life of the object.
class TargetVariable {
 public:
  explicit TargetVariable(const char* value) {
    if (const char* const before = std::getenv("TCONV_TARGET")) before_ = before;
    set(value);
  }
  ~TargetVariable() { set(before_ ? before_->c_str() : nullptr); }
  TargetVariable(const TargetVariable&) = delete;
  TargetVariable& operator=(const TargetVariable&) = delete;

 private:
  static void set(const char* value) { value != nullptr ? setenv("TCONV_TARGET", value, 1) : unsetenv("TCONV_TARGET"); }
  std::optional<std::string> before_;
};

// A target that this machine cannot run; there always is one.
Target foreign_target() {
  for (Target target : tconv::all_targets) {
    if (!tconv::target_supported(target)) return target;
  }
  ADD_FAILURE() << "every target is supported";
  return Target::automatic;
}

TEST(Targets, NamesRoundTrip) {
  for (Target target : tconv::all_targets) {
    Target back = Target::automatic;
    EXPECT_TRUE(tconv::target_from_name(tconv::target_name(target), &back));
    EXPECT_EQ(back, target) << tconv::target_name(target);
  }
  Target back = Target::scalar;
  EXPECT_TRUE(tconv::target_from_name("auto", &back));
  EXPECT_EQ(back, Target::automatic);
  for (const char* unknown : {"", "AVX2", "avx", "avx2 ", "sse", "automatic"}) {
    back = Target::sse4;
    EXPECT_FALSE(tconv::target_from_name(unknown, &back)) << unknown;
    EXPECT_EQ(back, Target::sse4) << unknown;
  }
}

TEST(Targets, AlgorithmNamesRoundTrip) {
  for (tconv::Algorithm algorithm : tconv::all_algorithms) {
    tconv::Algorithm back = tconv::Algorithm::automatic;
    EXPECT_TRUE(tconv::algorithm_from_name(tconv::algorithm_name(algorithm), &back));
    EXPECT_EQ(back, algorithm);
  }
  tconv::Algorithm back = tconv::Algorithm::planar;
  EXPECT_TRUE(tconv::algorithm_from_name("auto", &back));
  EXPECT_EQ(back, tconv::Algorithm::automatic);
  EXPECT_FALSE(tconv::algorithm_from_name("winograde", &back));
  EXPECT_FALSE(tconv::algorithm_from_name("", &back));
}

TEST(Targets, ScalarIsAlwaysThereAndSupportedMeansCompiled) {
  EXPECT_TRUE(tconv::target_compiled(Target::scalar));
  EXPECT_TRUE(tconv::target_supported(Target::scalar));
  for (Target target : tconv::all_targets) {
    if (tconv::target_supported(target)) {
      EXPECT_TRUE(tconv::target_compiled(target)) << tconv::target_name(target);
    }
  }
  // A CPU with a vector target has the smaller ones of its family.
  constexpr Target x86[] = {Target::avx512, Target::avx2, Target::sse4};
  for (size_t i = 0; i + 1 < 3; ++i) {
    if (tconv::target_supported(x86[i]) && tconv::target_compiled(x86[i + 1])) {
      EXPECT_TRUE(tconv::target_supported(x86[i + 1])) << tconv::target_name(x86[i + 1]);
    }
  }
}

TEST(Targets, EverySupportedOneCanBeChosenByOptionAndByEnvironment) {
  for (Target target : tconv::all_targets) {
    if (!tconv::target_supported(target)) continue;
    Target chosen = Target::automatic;
    {
      const TargetVariable unset(nullptr);
      EXPECT_TRUE(tconv::choose_target(target, &chosen).ok());
      EXPECT_EQ(chosen, target);
    }
    const TargetVariable forced(tconv::target_name(target));
    chosen = Target::automatic;
    EXPECT_TRUE(tconv::choose_target(Target::automatic, &chosen).ok());
    EXPECT_EQ(chosen, target);
    const float weight = 1;
    const auto op = tconv::ConvTranspose::create(tconv::Description(), &weight);
    ASSERT_TRUE(op.ok()) << op.status().message();
    EXPECT_EQ(op->plan().target, target);
  }
}

TEST(Targets, TheOptionWinsOverTheEnvironment) {
  const TargetVariable forced(tconv::target_name(supported_targets().back()));
  Target chosen = Target::automatic;
  EXPECT_TRUE(tconv::choose_target(Target::scalar, &chosen).ok());
  EXPECT_EQ(chosen, Target::scalar);
}

TEST(Targets, AutomaticIsTheBestSupportedOne) {
  for (const char* value : {static_cast<const char*>(nullptr), "", "auto"}) {
    const TargetVariable variable(value);
    Target chosen = Target::automatic;
    EXPECT_TRUE(tconv::choose_target(Target::automatic, &chosen).ok());
    EXPECT_EQ(chosen, supported_targets().back()) << "TCONV_TARGET " << (value == nullptr ? "unset" : value);
  }
}

TEST(Targets, ForeignAndUnknownOnesAreNamed) {
  const Target foreign = foreign_target();
  Target chosen = Target::scalar;
  tconv::Status status = tconv::choose_target(foreign, &chosen);
  EXPECT_EQ(status.code(), StatusCode::unsupported);
  EXPECT_NE(std::strstr(status.message(), tconv::target_name(foreign)), nullptr) << status.message();
  EXPECT_EQ(chosen, Target::scalar);

  const float weight = 1;
  tconv::Options options;
  options.target = foreign;
  EXPECT_EQ(tconv::ConvTranspose::create(tconv::Description(), &weight, nullptr, options).status().code(), StatusCode::unsupported);
  {
    const TargetVariable forced(tconv::target_name(foreign));
    status = tconv::choose_target(Target::automatic, &chosen);
    EXPECT_EQ(status.code(), StatusCode::unsupported);
    EXPECT_NE(std::strstr(status.message(), tconv::target_name(foreign)), nullptr) << status.message();
  }
  const TargetVariable forced("pentium");
  status = tconv::choose_target(Target::automatic, &chosen);
  EXPECT_EQ(status.code(), StatusCode::invalid_argument);
  EXPECT_NE(std::strstr(status.message(), "TCONV_TARGET"), nullptr) << status.message();
  EXPECT_NE(std::strstr(status.message(), "pentium"), nullptr) << status.message();
  EXPECT_EQ(tconv::ConvTranspose::create(tconv::Description(), &weight).status().code(), StatusCode::invalid_argument);
}

TEST(Targets, ForcingAnAlgorithmThatCannotIsUnsupportedAndNamed) {
  tconv::Description dense;  // depthwise means one channel a group
  dense.in_channels = dense.out_channels = 4;
  const Floats weights(16);
  tconv::Options options;
  options.algorithm = tconv::Algorithm::depthwise;
  const auto op = tconv::ConvTranspose::create(dense, weights.data(), nullptr, options);
  EXPECT_EQ(op.status().code(), StatusCode::unsupported);
  EXPECT_NE(std::strstr(op.status().message(), "depthwise"), nullptr) << op.status().message();
}

TEST(Targets, CacheSizesArePlausible) {
  const tconv::CacheSizes sizes = tconv::detect_cache_sizes();
  EXPECT_GE(sizes.l1, size_t{4} << 10);
  EXPECT_LE(sizes.l1, size_t{1} << 20);
  EXPECT_GE(sizes.l2, sizes.l1);
  EXPECT_GE(sizes.l3, size_t{1});
}

}  // namespace
}  // namespace tconv_test
