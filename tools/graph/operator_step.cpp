// One operator of the library as a step.
//
// Error bound, when it is tracked. A sum of L products in floating point, in any order, differs from the exact one by no more
// than about lambda * sqrt(L) * u * sum |x| |w| with overwhelming probability (Higham and Mary, "A new approach to
// probabilistic rounding error analysis", SIAM J. Sci. Comput. 41, 2019; lambda = 4 here), u = 2^-24. Two evaluations may lie
// twice that apart. Errors e of the input pass through |w|. So the bound is one more transposed convolution,
//     error = |w| * (g |x| + e) + g |b|,   g = 2 lambda sqrt(L + 4) u,
// times the activation's steepest slope.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tools/graph/steps.hpp"
#include "tools/support/error.hpp"

namespace tools::graph {
namespace {

constexpr double unit = 5.9604644775390625e-08;  // 2^-24
constexpr double lambda = 4;

double steepest_slope(const tconv::Activation& activation, const std::vector<float>& slopes) {
  double slope = 1;
  switch (activation.kind) {
    case tconv::ActivationKind::leaky_relu:
    case tconv::ActivationKind::elu:
      return std::max(slope, std::fabs(static_cast<double>(activation.alpha)));
    case tconv::ActivationKind::prelu:
      for (float s : slopes) slope = std::max(slope, std::fabs(static_cast<double>(s)));
      return slope;
    default:
      return slope;
  }
}

void require_ok(const std::string& label, const tconv::Status& status) {
  if (!status.ok()) throw Error(ExitCode::bad_input, fmt::format("{}: {}", label, status.message()));
}

tconv::ConvTranspose create(const std::string& label, const tconv::Description& description, const std::vector<float>& weights,
                            const std::vector<float>& bias, const tconv::Options& options) {
  tconv::Result<tconv::ConvTranspose> op =
      tconv::ConvTranspose::create(description, weights.data(), bias.empty() ? nullptr : bias.data(), options);
  require_ok(label, op.status());
  return std::move(*op);
}

std::vector<float> magnitudes(const std::vector<float>& values) {
  std::vector<float> result(values.size());
  std::transform(values.begin(), values.end(), result.begin(), [](float v) { return std::fabs(v); });
  return result;
}

class OperatorStep : public Step {
 public:
  OperatorStep(std::string label, const Layer& layer, const CompileOptions& options, size_t input, std::optional<size_t> residual,
               size_t output)
      : Step(std::move(label), output), input_(input), residual_(residual) {
    tconv::Description description = layer.description;
    description.activation.slopes = layer.slopes.empty() ? nullptr : layer.slopes.data();
    description.residual = residual.has_value();
    create_operator(layer, description, options);
    if (options.track_error) create_bound(layer);
  }

  const tconv::ConvTranspose* op() const override { return &op_; }
  size_t workspace_bytes(size_t threads) const override {
    return std::max(op_.workspace_bytes(threads), bound_ ? bound_->workspace_bytes(threads) : 0);
  }

  std::vector<size_t> inputs() const override {
    if (residual_) return {input_, *residual_};
    return {input_};
  }

  // Output o = s i + d t - p with taps t = 0 .. k - 1, solved for i.
  Interval sources(int axis, Interval outputs) const override {
    const tconv::Description& d = op_.description();
    if (d.rank != 2) return outputs;  // element by element
    const tconv::Axis& a = d.axis[axis];
    const int64_t p = op_.geometry().axis[tconv::max_rank - 2 + axis].pad_begin;
    const auto floor_div = [](int64_t n, int64_t by) { return n >= 0 ? n / by : -((-n + by - 1) / by); };
    return {-floor_div(-(outputs.first + p - a.dilation * (a.kernel - 1)), a.stride), floor_div(outputs.last + p, a.stride)};
  }

  void run(Context& context) const override {
    const Value& input = context.values[input_];
    Value& output = context.values[this->output()];
    const float* residual = residual_ ? context.values[*residual_].tensor.data.data() : nullptr;
    if (op_.description().layout == tconv::Layout::nchw) {
      apply(op_, context, input.tensor.data.data(), output.tensor.data.data(), residual);
    } else {
      run_channels_last(context, input.tensor.data, residual, &output.tensor.data);
    }
    if (context.track_error && bound_) track(context, input, &output);
  }

 private:
  void apply(const tconv::ConvTranspose& op, const Context& context, const float* input, float* output,
             const float* residual) const {
    const bool needs_workspace = op.workspace_bytes(context.parallelism.threads) > 0;
    require_ok(label(), op.run(input, output, needs_workspace ? context.workspace : nullptr,
                               needs_workspace ? context.workspace_bytes : 0, context.parallelism, residual));
  }

  // ONNX's tensors have the channels before the pixels: turned round before and after.
  void run_channels_last(Context& context, const std::vector<float>& input, const float* residual,
                         std::vector<float>* output) const {
    const tconv::Description& d = op_.description();
    const tconv::Geometry& g = op_.geometry();
    const int64_t in_pixels = g.input_elements / (d.batch * d.in_channels);
    const int64_t out_pixels = g.output_elements / (d.batch * d.out_channels);
    std::vector<float> x(static_cast<size_t>(g.input_elements));
    std::vector<float> y(static_cast<size_t>(g.output_elements));
    std::vector<float> r(residual != nullptr ? y.size() : 0);
    transpose_inner(input.data(), x.data(), d.batch, d.in_channels, in_pixels);
    if (residual != nullptr) transpose_inner(residual, r.data(), d.batch, d.out_channels, out_pixels);
    apply(op_, context, x.data(), y.data(), residual != nullptr ? r.data() : nullptr);
    transpose_inner(y.data(), output->data(), d.batch, out_pixels, d.out_channels);
  }

  void create_operator(const Layer& layer, const tconv::Description& wanted, const CompileOptions& options) {
    tconv::Description planned = wanted;
    for (int a = 0; a < wanted.rank && options.plan_size > 0; ++a) planned.axis[a].input = options.plan_size;
    tconv::Geometry geometry;
    if (options.plan_size > 0 && tconv::resolve(planned, &geometry).ok()) {
      op_ = create(label(), planned, layer.weights, layer.bias, options.operator_options);
      if (op_.reshape(wanted).ok()) return;
    }
    op_ = create(label(), wanted, layer.weights, layer.bias, options.operator_options);
  }

  void create_bound(const Layer& layer) {
    const tconv::Description& d = layer.description;
    // A phase has at most ceil(k / (s / gcd(s, d))) taps along an axis.
    double length = static_cast<double>(d.in_channels / d.groups);
    for (int a = 0; a < d.rank; ++a) {
      const int64_t step = d.axis[a].stride / std::gcd(d.axis[a].stride, d.axis[a].dilation);
      length *= std::ceil(static_cast<double>(d.axis[a].kernel) / static_cast<double>(step));
    }
    relative_ = static_cast<float>(2 * lambda * std::sqrt(length + 4) * unit);
    slope_ = static_cast<float>(steepest_slope(d.activation, layer.slopes));
    input_slope_ = static_cast<float>(steepest_slope(d.input_activation, {}));
    tconv::Description description = d;
    description.layout = tconv::Layout::nchw;
    description.activation = {};
    description.input_activation = {};
    description.residual = false;
    std::vector<float> bias = magnitudes(layer.bias_magnitude.empty() ? layer.bias : layer.bias_magnitude);
    for (float& b : bias) b *= relative_;
    bound_ = create(label(), description, magnitudes(layer.weights), bias, {});
  }

  void track(Context& context, const Value& input, Value* output) const {
    std::vector<float> x = magnitudes(input.tensor.data);
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = input_slope_ * (relative_ * x[i] + (input.error.empty() ? 0.0f : input.error[i]));
    }
    output->error.resize(output->tensor.data.size());
    apply(*bound_, context, x.data(), output->error.data(), nullptr);
    const Value* residual = residual_ ? &context.values[*residual_] : nullptr;
    for (size_t i = 0; i < output->error.size(); ++i) {
      float e = output->error[i];
      if (residual != nullptr) {
        e += relative_ * std::fabs(residual->tensor.data[i]) + (residual->error.empty() ? 0.0f : residual->error[i]);
      }
      output->error[i] = slope_ * e;
    }
  }

  size_t input_;
  std::optional<size_t> residual_;
  tconv::ConvTranspose op_;
  std::optional<tconv::ConvTranspose> bound_;
  float relative_ = 0;
  float slope_ = 1;
  float input_slope_ = 1;
};

}  // namespace

void transpose_inner(const float* x, float* y, int64_t batch, int64_t rows, int64_t columns) {
  for (int64_t n = 0; n < batch; ++n) {
    const float* from = x + n * rows * columns;
    float* to = y + n * rows * columns;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
    }
  }
}

std::unique_ptr<Step> make_operator_step(const std::string& label, Layer layer, const CompileOptions& options, size_t input,
                                         std::optional<size_t> residual, size_t output) {
  return std::make_unique<OperatorStep>(label, layer, options, input, residual, output);
}

}  // namespace tools::graph
