// Rounding errors of one layer on given kinds of numbers, against sums in double precision.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/problem.hpp"

namespace tconv_test {

enum class Numbers {
  normal,      // inputs and weights N(0, 1)
  offset,      // inputs 100 + N(0, 1)
  cancelling,  // inputs 10 + N(0, 1); neighbouring taps of a phase are w and -w + small, so that what is left is small
  wide,        // inputs N(0, 1) * 10^u, u uniform in [-2, 2]: four decades
};
constexpr Numbers all_numbers[] = {Numbers::normal, Numbers::offset, Numbers::cancelling, Numbers::wide};
const char* numbers_name(Numbers numbers);

// Largest error and root mean square of the errors, both in units of the output's root mean square.
struct Errors {
  double max = 0;
  double rms = 0;
};

class Measurement {
 public:
  Measurement(const tconv::Description& layer, Numbers numbers, uint64_t seed);

  // False when these options cannot do the layer. `variant`: the plan's, however panels are cut.
  bool measure(const tconv::Options& options, Errors* errors, std::string* variant) const;
  // Empty, or what is wrong by the bound that support/winograd_bounds.hpp derives. Counts layers done in `ran`.
  std::string beyond_bound(const tconv::Options& options, int64_t* ran) const;
  // Of window GEMM, which every layer can be done by.
  Errors direct(tconv::Target target) const;

 private:
  bool run(const tconv::Options& options, Floats* y, tconv::PlanSummary* plan) const;

  tconv::Layout layout_;
  mutable Problem problem_;  // its bounds are derived when they are asked for
  Floats x_;                 // in the layout
  double rms_;
};

// A layer whose phases have at most `taps` taps along each of `rank` axes.
struct TapsLayer {
  int rank;
  int64_t taps;  // of the largest phase
  int64_t kernel, stride, pad;
};
// k = R at stride 1, k = 2R and 2R - 1 at stride 2 with the padding that makes the output twice as large.
std::vector<TapsLayer> layers_of_taps(int rank, int64_t taps);
// 'same' output sizes: about `input` along each axis.
tconv::Description describe(const TapsLayer& layer, int64_t in_channels, int64_t out_channels, int64_t input, tconv::Layout layout);
std::string to_string(const TapsLayer& layer);

// f(options) for every variant of this algorithm that the class may permit; most of them are refused for a given layer.
void for_each_variant(tconv::Algorithm algorithm, tconv::WinogradAccuracy accuracy, tconv::Target target,
                      const std::function<void(const tconv::Options&)>& f);

}  // namespace tconv_test
