#include "support/sweep.hpp"

#include "support/crash_report.hpp"

namespace tconv_test {

void Sweep::run(const Problem& problem, const Variant& base) {
  for (tconv::Layout layout : all_layouts) {
    for (tconv::Algorithm algorithm : automatic_and_all_algorithms) {
      Variant variant = base;
      variant.layout = layout;
      variant.algorithm = algorithm;
      run_one(problem, variant);
    }
  }
}

void Sweep::run_one(const Problem& problem, Variant variant) {
  if (hopeless()) return;
  variant.target = target_;
  CrashReport::set_place(where_);
  const Outcome outcome = run_case(problem, variant);
  if (outcome.unsupported) return;
  ++ran_[static_cast<int>(variant.algorithm)];
  if (outcome.ok()) return;
  ++failures_;
  ADD_FAILURE() << outcome.failure << "\n  " << where_ << "\n  " << to_string(problem.layer)
                << (problem.bias.empty() ? "" : " bias") << (problem.exact ? " whole numbers" : "") << "\n  " << to_string(variant)
                << ", computed by " << tconv::algorithm_name(outcome.algorithm);
}

void Sweep::require_every_algorithm() const {
  for (tconv::Algorithm algorithm : tconv::all_algorithms) {
    EXPECT_GT(ran(algorithm), 0) << tconv::algorithm_name(algorithm) << " took no layer of this sweep on "
                                 << tconv::target_name(target_) << "; " << where_;
  }
}

}  // namespace tconv_test
