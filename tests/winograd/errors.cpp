#include "winograd/errors.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "arch/cook_toom.hpp"

namespace tconv_test {
namespace {

// Weight (ci, co, taps): base of the pair of channels, its sign alternating from tap to neighbouring tap of a phase.
void make_cancelling(const LayerSizes& z, Random& random, Floats* w) {
  std::normal_distribution<float> normal;
  const int64_t pairs = z.in_channels * z.out_per_group();
  for (int64_t pair = 0; pair < pairs; ++pair) {
    const float base = normal(random);
    for (int64_t ty = 0; ty < z.kernel[1]; ++ty) {
      for (int64_t tx = 0; tx < z.kernel[2]; ++tx) {
        const bool negative = (ty / z.stride[1] + tx / z.stride[2]) % 2 != 0;
        (*w)[static_cast<size_t>((pair * z.kernel[1] + ty) * z.kernel[2] + tx)] =
            (negative ? -base : base) + 1e-3f * normal(random);
      }
    }
  }
}

}  // namespace

const char* numbers_name(Numbers numbers) {
  constexpr const char* names[] = {"N(0,1)", "100 + N(0,1)", "cancelling taps", "four decades"};
  return names[static_cast<int>(numbers)];
}

Measurement::Measurement(const tconv::Description& layer, Numbers numbers, uint64_t seed) : layout_(layer.layout) {
  const LayerSizes z = layer_sizes(layer);
  Random random(seed);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> exponent(-2, 2);
  problem_.layer = layer;
  problem_.sizes = z;
  Floats& x = problem_.x;
  x.resize(static_cast<size_t>(z.input_elements()));
  problem_.w.resize(static_cast<size_t>(z.weight_elements()));
  for (float& v : problem_.w) v = normal(random);
  for (float& v : x) {
    v = normal(random);
    if (numbers == Numbers::offset) v += 100;
    if (numbers == Numbers::cancelling) v += 10;
    if (numbers == Numbers::wide) v *= std::pow(10.0f, exponent(random));
  }
  if (numbers == Numbers::cancelling) make_cancelling(z, random, &problem_.w);
  problem_.expected.value = scatter_oracle(z, Doubles(x.begin(), x.end()), Doubles(problem_.w.begin(), problem_.w.end()));
  double squares = 0;
  for (double v : problem_.expected.value) squares += v * v;
  rms_ = std::sqrt(squares / static_cast<double>(z.output_elements()));
  x_.resize(x.size());
  tensor_layout(layout_, z.batch, z.in_channels, z.input, {}).each([&](int64_t i, int64_t offset) {
    x_[static_cast<size_t>(offset)] = x[static_cast<size_t>(i)];
  });
}

// The output, dense in N, C, D, H, W order.
bool Measurement::run(const tconv::Options& options, Floats* y, tconv::PlanSummary* plan) const {
  const LayerSizes& z = problem_.sizes;
  const auto op = tconv::ConvTranspose::create(problem_.layer, problem_.w.data(), nullptr, options);
  if (!op.ok()) return false;
  Floats laid_out(static_cast<size_t>(z.output_elements()));
  const size_t bytes = op->workspace_bytes();
  Floats workspace(bytes / sizeof(float) + 16);
  void* aligned = workspace.data();
  size_t space = workspace.size() * sizeof(float);
  if (std::align(tconv::ConvTranspose::workspace_alignment, bytes, aligned, space) == nullptr) std::abort();
  if (const tconv::Status s = op->run(x_.data(), laid_out.data(), aligned, bytes); !s.ok()) {
    std::fprintf(stderr, "run: %s\n", s.message());
    std::abort();
  }
  *plan = op->plan();
  y->resize(laid_out.size());
  tensor_layout(layout_, z.batch, z.out_channels, z.output, {}).each([&](int64_t i, int64_t offset) {
    (*y)[static_cast<size_t>(i)] = laid_out[static_cast<size_t>(offset)];
  });
  return true;
}

bool Measurement::measure(const tconv::Options& options, Errors* errors, std::string* variant) const {
  Floats y;
  tconv::PlanSummary plan;
  if (!run(options, &y, &plan)) return false;
  *variant = plan.variant;
  *variant = variant->substr(0, variant->find(", merged phases"));  // which make the same sums
  *errors = {};
  double squares = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    const double error = std::fabs(static_cast<double>(y[i]) - problem_.expected.value[i]) / rms_;
    // A NaN must not pass as no error.
    errors->max = error <= errors->max ? errors->max : error;
    squares += error * error;
  }
  errors->rms = std::sqrt(squares / static_cast<double>(y.size()));
  return true;
}

std::string Measurement::beyond_bound(const tconv::Options& options, int64_t* ran) const {
  Floats y;
  tconv::PlanSummary plan;
  if (!run(options, &y, &plan)) return "";
  ++*ran;
  if (problem_.expected.bound.empty()) expect_again(&problem_);
  const std::string failure = compare(problem_, y, plan);
  return failure.empty() ? "" : std::string(plan.variant) + ": " + failure;
}

Errors Measurement::direct(tconv::Target target) const {
  tconv::Options options;
  options.target = target;
  options.algorithm = tconv::Algorithm::window_gemm;
  Errors errors;
  std::string variant;
  if (!measure(options, &errors, &variant)) std::abort();  // it does every layer
  return errors;
}

std::vector<TapsLayer> layers_of_taps(int rank, int64_t taps) {
  return {{rank, taps, taps, 1, (taps - 1) / 2}, {rank, taps, 2 * taps, 2, taps - 1}, {rank, taps, 2 * taps - 1, 2, taps - 1}};
}

tconv::Description describe(const TapsLayer& layer, int64_t in_channels, int64_t out_channels, int64_t input,
                            tconv::Layout layout) {
  tconv::Description d;
  d.rank = layer.rank;
  d.in_channels = in_channels;
  d.out_channels = out_channels;
  d.layout = layout;
  for (int a = 0; a < layer.rank; ++a) {
    d.axis[a].input = input;
    d.axis[a].kernel = layer.kernel;
    d.axis[a].stride = layer.stride;
    d.axis[a].pad_begin = d.axis[a].pad_end = layer.pad;
  }
  return d;
}

std::string to_string(const TapsLayer& layer) {
  return std::to_string(layer.rank) + "-D k" + std::to_string(layer.kernel) + " s" + std::to_string(layer.stride) + " p" +
         std::to_string(layer.pad);
}

void for_each_variant(tconv::Algorithm algorithm, tconv::WinogradAccuracy accuracy, tconv::Target target,
                      const std::function<void(const tconv::Options&)>& f) {
  tconv::Options options;
  options.target = target;
  options.algorithm = algorithm;
  options.winograd.accuracy = accuracy;
  for (const auto grid : {tconv::WinogradOptions::Grid::inputs, tconv::WinogradOptions::Grid::outputs}) {
    for (int outputs = 2; outputs < tconv::arch::cook_toom::max_points; ++outputs) {
      options.winograd.grid = grid;
      options.winograd.outputs = outputs;
      f(options);
    }
  }
}

}  // namespace tconv_test
