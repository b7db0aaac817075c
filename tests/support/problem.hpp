// One layer with its data and what the oracle says of it (Problem), one way of computing it (Variant), and the comparison.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "support/guard_buffer.hpp"
#include "support/oracle.hpp"
#include "support/tensor_layout.hpp"
#include "support/tolerance.hpp"
#include "tconv/conv_transpose.hpp"

namespace tconv_test {

using Random = std::mt19937_64;
using Floats = std::vector<float>;

// Uniform in [low, high].
int64_t uniform(Random& random, int64_t low, int64_t high);
bool chance(Random& random, double probability);

enum class Data {
  real,   // uniform in [-1, 1]
  whole,  // whole numbers in [-4, 4]: every order of summation gives the same float, so equality is demanded
};

// Dense tensors in N, C, D, H, W order; `layer` without pitches (a Variant chooses layout and pitches).
struct Problem {
  tconv::Description layer;
  LayerSizes sizes;
  Floats x, w, bias, residual;  // bias and residual may be empty
  Floats slopes;                // of prelu
  bool exact = false;
  Expectation expected;
};

// Fills in data; `slopes` of prelu come from here. layer.residual asks for a residual.
Problem make_problem(const tconv::Description& layer, Random& random, Data data, bool with_bias = true);
// The same weights, bias and slopes for another size: what reshape() allows.
Problem make_reshaped(const Problem& problem, const tconv::Description& layer, Random& random, Data data);
// After a change of the data.
void expect_again(Problem* problem);

struct Variant {
  tconv::Target target = tconv::Target::automatic;
  tconv::Algorithm algorithm = tconv::Algorithm::automatic;
  tconv::Layout layout = tconv::Layout::nchw;
  Placement placement = Placement::ends_at_guard;
  Gaps input_gaps, output_gaps, residual_gaps;
  bool residual_in_place = false;  // residual and output are one tensor
  tconv::CacheSizes cache;         // zeros: those of this machine; small ones make every blocked loop turn on small layers
  tconv::Parallelism parallelism;
};

struct Outcome {
  bool unsupported = false;  // this algorithm or target does not take the layer
  std::string failure;       // empty: right
  tconv::Algorithm algorithm = tconv::Algorithm::automatic;
  Floats output;  // dense, N, C, D, H, W
  bool ok() const { return failure.empty(); }
};

// The description that create() gets: the layer in the variant's layout and pitches.
tconv::Description described(const Problem& problem, const Variant& variant);

// create() with guarded weights, bias and slopes, which are overwritten with NaN before run_on().
Outcome create(const Problem& problem, const Variant& variant, tconv::ConvTranspose* op);
// Lays the data out in guarded buffers (gaps of inputs hold NaN, gaps of the output a pattern that must survive), runs, compares.
Outcome run_on(const tconv::ConvTranspose& op, const Problem& problem, const Variant& variant);
// Both.
Outcome run_case(const Problem& problem, const Variant& variant);

// Empty, or where and by how much `actual` (dense) is off. `plan`: of the operator that computed it; without one, by the bounds of
// direct algorithms.
std::string compare(const Problem& problem, const Floats& actual);
std::string compare(const Problem& problem, const Floats& actual, const tconv::PlanSummary& plan);

// One line each, every field that differs from its default.
std::string to_string(const tconv::Description& description);
std::string to_string(const Variant& variant);

// The targets this machine can run.
std::vector<tconv::Target> supported_targets();

// Sizes of sweeps: TCONV_TEST_QUICK=1 (sanitizers, emulators) and TCONV_TEST_FULL=1 (hours of nights) change them.
int64_t effort(int64_t quick, int64_t normal, int64_t full);

}  // namespace tconv_test
