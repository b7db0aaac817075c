#include "support/problem.hpp"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <sstream>

#include "support/crash_report.hpp"
#include "support/strassen_bounds.hpp"
#include "support/winograd_bounds.hpp"

namespace tconv_test {
namespace {

constexpr uint32_t untouched_bits = 0x7fc0deadu;  // a quiet NaN that no computation makes

float untouched() {
  float value;
  std::memcpy(&value, &untouched_bits, sizeof value);
  return value;
}

bool is_untouched(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits == untouched_bits;
}

Floats random_floats(Random& random, int64_t count, Data data) {
  Floats values(static_cast<size_t>(count));
  for (float& v : values) {
    v = data == Data::whole ? static_cast<float>(uniform(random, -4, 4))
                            : static_cast<float>(uniform(random, -(1 << 23), 1 << 23)) / static_cast<float>(1 << 23);
  }
  return values;
}

Doubles to_doubles(const Floats& values) { return Doubles(values.begin(), values.end()); }

// A guarded tensor in its layout: elements from `dense`, everything between them `gap`.
std::unique_ptr<GuardBuffer> lay_out(const TensorLayout& layout, const Floats* dense, float gap, Placement placement) {
  auto buffer = std::make_unique<GuardBuffer>(static_cast<size_t>(layout.span) * sizeof(float), placement, alignof(float));
  float* const to = buffer->floats();
  std::fill(to, to + layout.span, gap);
  if (dense != nullptr) layout.each([&](int64_t i, int64_t offset) { to[offset] = (*dense)[static_cast<size_t>(i)]; });
  return buffer;
}

std::unique_ptr<GuardBuffer> guarded_copy(const Floats& values, Placement placement) {
  auto buffer = std::make_unique<GuardBuffer>(values.size() * sizeof(float), placement, alignof(float));
  std::copy(values.begin(), values.end(), buffer->floats());
  return buffer;
}

TensorLayout input_layout(const Problem& p, const Variant& v) {
  return tensor_layout(v.layout, p.sizes.batch, p.sizes.in_channels, p.sizes.input, v.input_gaps);
}
TensorLayout output_layout(const Problem& p, const Variant& v) {
  return tensor_layout(v.layout, p.sizes.batch, p.sizes.out_channels, p.sizes.output, v.output_gaps);
}
TensorLayout residual_layout(const Problem& p, const Variant& v) {
  return tensor_layout(v.layout, p.sizes.batch, p.sizes.out_channels, p.sizes.output,
                       v.residual_in_place ? v.output_gaps : v.residual_gaps);
}

tconv::Description with_slopes(const Problem& problem) {
  tconv::Description layer = problem.layer;
  if (!problem.slopes.empty()) layer.activation.slopes = problem.slopes.data();
  return layer;
}

bool is_exact(const tconv::Description& layer, Data data) {
  const tconv::ActivationKind kind = layer.input_activation.kind;
  return data == Data::whole && (kind == tconv::ActivationKind::none || kind == tconv::ActivationKind::relu);
}

std::string compare(const Problem& problem, const Expectation& expected, const Floats& actual) {
  int64_t wrong = 0;
  std::ostringstream first;
  const LayerSizes& z = problem.sizes;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (!expected.free.empty() && expected.free[i]) continue;
    const double value = expected.value[i];
    const double got = static_cast<double>(actual[i]);
    const bool right = std::isnan(value)   ? std::isnan(got)
                       : std::isinf(value) ? got == value
                                           : std::fabs(got - value) <= expected.bound[i];
    if (right) continue;
    if (wrong++ == 0) {
      const int64_t cell = static_cast<int64_t>(i) % z.output_cells();
      const int64_t image = static_cast<int64_t>(i) / z.output_cells();
      first.precision(9);
      first << "y[n=" << image / z.out_channels << ", c=" << image % z.out_channels << ", " << cell / (z.output[1] * z.output[2])
            << ", " << cell / z.output[2] % z.output[1] << ", " << cell % z.output[2] << "] = " << got
            << (is_untouched(actual[i]) ? " (never written)" : "") << ", expected " << value << " within " << expected.bound[i];
    }
  }
  if (wrong == 0) return "";
  first << "; " << wrong << " of " << actual.size() << " outputs wrong";
  return first.str();
}

}  // namespace

int64_t uniform(Random& random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random() % (static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1));
}

bool chance(Random& random, double probability) { return uniform(random, 0, 999999) < probability * 1e6; }

Problem make_problem(const tconv::Description& layer, Random& random, Data data, bool with_bias) {
  Problem p;
  p.layer = layer;
  p.sizes = layer_sizes(layer);
  p.w = random_floats(random, p.sizes.weight_elements(), data);
  if (with_bias) p.bias = random_floats(random, p.sizes.out_channels, data);
  if (layer.activation.kind == tconv::ActivationKind::prelu) p.slopes = random_floats(random, p.sizes.out_channels, Data::real);
  return make_reshaped(p, layer, random, data);
}

Problem make_reshaped(const Problem& problem, const tconv::Description& layer, Random& random, Data data) {
  Problem p = problem;
  p.layer = layer;
  p.sizes = layer_sizes(layer);
  p.x = random_floats(random, p.sizes.input_elements(), data);
  p.residual.clear();
  if (layer.residual) p.residual = random_floats(random, p.sizes.output_elements(), data);
  p.exact = is_exact(layer, data);
  expect_again(&p);
  return p;
}

void expect_again(Problem* p) {
  p->expected =
      expect(p->sizes, with_slopes(*p), to_doubles(p->x), to_doubles(p->w), to_doubles(p->bias), to_doubles(p->residual), p->exact);
}

tconv::Description described(const Problem& problem, const Variant& variant) {
  tconv::Description d = problem.layer;
  d.layout = variant.layout;
  d.input_pitch = input_layout(problem, variant).pitch();
  d.output_pitch = output_layout(problem, variant).pitch();
  if (!problem.slopes.empty()) d.activation.slopes = problem.slopes.data();
  d.residual_pitch = problem.layer.residual ? residual_layout(problem, variant).pitch() : tconv::Pitch{};
  return d;
}

Outcome create(const Problem& problem, const Variant& variant, tconv::ConvTranspose* op) {
  const CrashReport report(problem, variant);
  Outcome outcome;
  const auto weights = guarded_copy(problem.w, variant.placement);
  const auto bias = guarded_copy(problem.bias, variant.placement);
  const auto slopes = guarded_copy(problem.slopes, variant.placement);
  tconv::Description d = described(problem, variant);
  if (!problem.slopes.empty()) d.activation.slopes = slopes->floats();
  tconv::Options options;
  options.target = variant.target;
  options.algorithm = variant.algorithm;
  options.cache = variant.cache;
  auto created = tconv::ConvTranspose::create(d, weights->floats(), problem.bias.empty() ? nullptr : bias->floats(), options);
  if (!created.ok()) {
    const bool forced = variant.algorithm != tconv::Algorithm::automatic;
    outcome.unsupported = forced && created.status().code() == tconv::StatusCode::unsupported;
    if (!outcome.unsupported) outcome.failure = std::string("create: ") + created.status().message();
    return outcome;
  }
  *op = std::move(*created);
  outcome.algorithm = op->plan().algorithm;
  if (variant.algorithm != tconv::Algorithm::automatic && outcome.algorithm != variant.algorithm) {
    outcome.failure = std::string("plan() says algorithm ") + tconv::algorithm_name(outcome.algorithm);
  } else if (variant.target != tconv::Target::automatic && op->plan().target != variant.target) {
    outcome.failure = std::string("plan() says target ") + tconv::target_name(op->plan().target);
  } else if (!weights->surroundings_intact() || !bias->surroundings_intact() || !slopes->surroundings_intact()) {
    outcome.failure = "create wrote beside the weights, the bias or the slopes";
  }
  return outcome;
}

Outcome run_on(const tconv::ConvTranspose& op, const Problem& problem, const Variant& v) {
  const CrashReport report(problem, v);
  Outcome outcome;
  outcome.algorithm = op.plan().algorithm;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const TensorLayout out = output_layout(problem, v);
  const auto input = lay_out(input_layout(problem, v), &problem.x, nan, v.placement);
  const bool in_place = v.residual_in_place && problem.layer.residual;
  const auto output = lay_out(out, in_place ? &problem.residual : nullptr, untouched(), v.placement);
  std::unique_ptr<GuardBuffer> residual;
  if (problem.layer.residual && !in_place) residual = lay_out(residual_layout(problem, v), &problem.residual, nan, v.placement);
  const size_t workspace_bytes = op.workspace_bytes(v.parallelism.threads);
  constexpr size_t absurd_workspace = size_t{1} << 30;  // all tensors of these tests together are smaller
  if (workspace_bytes > absurd_workspace) {
    outcome.failure = "workspace_bytes() = " + std::to_string(workspace_bytes);
    return outcome;
  }
  const GuardBuffer workspace(workspace_bytes, v.placement, tconv::ConvTranspose::workspace_alignment);
  std::memset(workspace.data(), 0xff, workspace_bytes);  // NaNs: nothing in it may be taken for a number

  const float* const residual_data = in_place ? output->floats() : (residual ? residual->floats() : nullptr);
  const tconv::Status status = op.run(input->floats(), output->floats(), workspace_bytes == 0 ? nullptr : workspace.data(),
                                      workspace_bytes, v.parallelism, residual_data);
  if (!status.ok()) {
    outcome.failure = std::string("run: ") + status.message();
    return outcome;
  }
  if (!output->surroundings_intact() || !workspace.surroundings_intact() || !input->surroundings_intact()) {
    outcome.failure = "run wrote beside a buffer";
    return outcome;
  }
  outcome.output.assign(problem.expected.value.size(), 0.0f);
  std::vector<bool> owned(static_cast<size_t>(out.span), false);
  std::ostringstream failure;
  out.each([&](int64_t i, int64_t offset) {
    owned[static_cast<size_t>(offset)] = true;
    outcome.output[static_cast<size_t>(i)] = output->floats()[offset];
  });
  for (int64_t offset = 0; offset < out.span; ++offset) {
    if (owned[static_cast<size_t>(offset)] || is_untouched(output->floats()[offset])) continue;
    failure << "a gap of the output was written: offset " << offset << " holds " << output->floats()[offset];
    break;
  }
  outcome.failure = failure.str();
  if (outcome.ok()) outcome.failure = compare(problem, outcome.output, op.plan());
  return outcome;
}

Outcome run_case(const Problem& problem, const Variant& variant) {
  tconv::ConvTranspose op;
  Outcome outcome = create(problem, variant, &op);
  return outcome.unsupported || !outcome.ok() ? outcome : run_on(op, problem, variant);
}

std::string compare(const Problem& problem, const Floats& actual) { return compare(problem, problem.expected, actual); }

std::string compare(const Problem& problem, const Floats& actual, const tconv::PlanSummary& plan) {
  if (plan.algorithm == tconv::Algorithm::strassen) {
    const Expectation expected = expect_strassen(problem.expected, problem.sizes, with_slopes(problem), problem.exact,
                                                 to_doubles(problem.x), to_doubles(problem.w));
    return compare(problem, expected, actual);
  }
  const Filtering filtering = filtering_of(problem.sizes, plan);
  if (!filtering.any()) return compare(problem, problem.expected, actual);
  const Expectation expected = expect_filtered(problem.expected, problem.sizes, with_slopes(problem), filtering,
                                               to_doubles(problem.x), to_doubles(problem.w));
  return compare(problem, expected, actual);
}

int64_t effort(int64_t quick, int64_t normal, int64_t full) {
  const auto set = [](const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr && value[0] != '\0' && value[0] != '0';
  };
  if (set("TCONV_TEST_QUICK")) return quick;
  return set("TCONV_TEST_FULL") ? full : normal;
}

std::vector<tconv::Target> supported_targets() {
  std::vector<tconv::Target> targets;
  for (tconv::Target target : tconv::all_targets) {
    if (tconv::target_supported(target)) targets.push_back(target);
  }
  return targets;
}

}  // namespace tconv_test
