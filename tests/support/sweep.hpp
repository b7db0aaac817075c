// Runs problems through every layout and algorithm of one target, counts what ran, and reports what was wrong.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "support/problem.hpp"

namespace tconv_test {

constexpr tconv::Layout all_layouts[] = {tconv::Layout::nchw, tconv::Layout::nhwc};
constexpr tconv::Algorithm automatic_and_all_algorithms[] = {
    tconv::Algorithm::automatic,   tconv::Algorithm::window_gemm, tconv::Algorithm::planar,          tconv::Algorithm::depthwise,
    tconv::Algorithm::small_image, tconv::Algorithm::winograd,    tconv::Algorithm::planar_winograd, tconv::Algorithm::strassen};

class Sweep {
 public:
  // `where` goes into every failure: the test's seed.
  Sweep(tconv::Target target, std::string where) : target_(target), where_(std::move(where)) {}

  // Every layout and algorithm; layout, algorithm and target of `base` are replaced.
  void run(const Problem& problem, const Variant& base = {});
  // One layout and algorithm.
  void run_one(const Problem& problem, Variant variant);

  // After this many failures the rest is not worth its time.
  bool hopeless() const { return failures_ >= 5; }
  int64_t ran(tconv::Algorithm algorithm) const { return ran_[static_cast<int>(algorithm)]; }
  // Fails when one of the algorithms was never able to take a layer: then the sweep did not test it.
  void require_every_algorithm() const;

 private:
  tconv::Target target_;
  std::string where_;
  int64_t ran_[8] = {};
  int failures_ = 0;
};

// A test with GetParam() = each target that this machine can run.
class OnTarget : public testing::TestWithParam<tconv::Target> {};
inline std::string target_parameter_name(const testing::TestParamInfo<tconv::Target>& info) {
  return tconv::target_name(info.param);
}
#define TCONV_INSTANTIATE_ON_TARGETS(fixture) \
  INSTANTIATE_TEST_SUITE_P(targets, fixture, testing::ValuesIn(tconv_test::supported_targets()), tconv_test::target_parameter_name)

}  // namespace tconv_test
