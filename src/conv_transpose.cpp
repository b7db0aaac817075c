#include "tconv/conv_transpose.hpp"

#include <cinttypes>
#include <cmath>
#include <new>
#include <utility>

#include "arch/kernel_table.hpp"
#include "depthwise.hpp"
#include "layer.hpp"
#include "plan.hpp"
#include "planar.hpp"
#include "planar_winograd.hpp"
#include "small_image.hpp"
#include "strassen.hpp"
#include "window_gemm.hpp"
#include "winograd.hpp"

namespace tconv {

struct ConvTranspose::State {
  Layer layer;
  arch::KernelTable kernels{};
  Options options;  // with the sizes of the caches
  PlanSummary summary;
  // The one that summary.algorithm names is filled.
  window_gemm::Plan window_gemm;
  planar::Plan planar;
  depthwise::Plan depthwise;
  small_image::Plan small_image;
  winograd::Plan winograd;
  planar_winograd::Plan planar_winograd;
  strassen::Plan strassen;
};

namespace {

using State = ConvTranspose::State;

// f(the plan of the algorithm that was chosen): overloads for its type are found in the algorithm's namespace.
template <typename AnyState, typename Function>
auto with_plan(AnyState& s, const Function& f) {
  switch (s.summary.algorithm) {
    case Algorithm::window_gemm:
      return f(s.window_gemm);
    case Algorithm::planar:
      return f(s.planar);
    case Algorithm::depthwise:
      return f(s.depthwise);
    case Algorithm::small_image:
      return f(s.small_image);
    case Algorithm::winograd:
      return f(s.winograd);
    case Algorithm::planar_winograd:
      return f(s.planar_winograd);
    default:
      return f(s.strassen);
  }
}

Status reshape_plan(State* s) {
  return with_plan(*s, [s](auto& plan) { return reshape(s->layer, s->kernels, s->options, &plan); });
}

// Outside of the class, whose members of the same names would hide the algorithms' functions.
template <typename Plan>
size_t workspace_bytes_of(const State& s, const Plan& plan) {
  return workspace_bytes(s.layer, s.kernels, plan);
}
template <typename Plan>
size_t packed_bytes_of(const Plan& plan) {
  return packed_bytes(plan);
}
template <typename Plan>
void run_plan(const State& s, const Plan& plan, const RunArguments& arguments) {
  run(s.layer, s.kernels, plan, arguments);
}
template <typename Plan>
Status fill_plan(const State& s, const float* weights, const float* bias, Plan* plan) {
  return create(s.layer, s.kernels, s.options, weights, bias, plan);
}

// Names the variant of the algorithms that have several.
template <typename Plan>
void describe(const Plan&, char* text, size_t) {
  text[0] = 0;
}

Status build_layer(const Description& description, Layer* layer) {
  if (Status s = resolve(description, &layer->geometry); !s.ok()) return s;
  layer->description = description;
  layer->description.activation.slopes = description.activation.slopes;
  layer->in_per_group = description.in_channels / description.groups;
  layer->out_per_group = description.out_channels / description.groups;
  for (int a = 0; a < max_rank; ++a) {
    if (!build_phases(layer->geometry.axis[a], &layer->phases[a])) {
      return Status::error(StatusCode::out_of_memory, "axis[%d].kernel = %" PRId64 ": no memory for its phases",
                           a - (max_rank - description.rank), layer->geometry.axis[a].kernel);
    }
  }
  return {};
}

bool all_finite(const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if (!std::isfinite(x[i])) return false;
  }
  return true;
}

Status check_winograd(const WinogradOptions& options) {
  if (options.outputs != 0 && (options.outputs < 2 || options.outputs > arch::max_point_outputs)) {
    return Status::error(StatusCode::invalid_argument, "winograd.outputs = %d: must be 0 (the plan chooses) or 2 to %d",
                         options.outputs, arch::max_point_outputs);
  }
  if (options.accuracy > WinogradAccuracy::standard) {
    return Status::error(StatusCode::invalid_argument, "winograd.accuracy = %d: unknown", static_cast<int>(options.accuracy));
  }
  if (options.grid > WinogradOptions::Grid::inputs) {
    return Status::error(StatusCode::invalid_argument, "winograd.grid = %d: unknown", static_cast<int>(options.grid));
  }
  return {};
}

// What create() has fixed and reshape() may not change.
Status check_same(const char* field, int64_t created, int64_t wanted) {
  if (created == wanted) return {};
  return Status::error(StatusCode::invalid_argument, "%s = %" PRId64 ": reshape cannot change it from %" PRId64, field, wanted,
                       created);
}

bool same_activation(const Activation& a, const Activation& b) {
  return a.kind == b.kind && a.alpha == b.alpha && a.beta == b.beta;
}

Status check_unchanged(const Description& created, const Description& wanted) {
  const struct {
    const char* field;
    int64_t created, wanted;
  } scalars[] = {{"rank", created.rank, wanted.rank},
                 {"in_channels", created.in_channels, wanted.in_channels},
                 {"out_channels", created.out_channels, wanted.out_channels},
                 {"groups", created.groups, wanted.groups},
                 {"data_type", static_cast<int64_t>(created.data_type), static_cast<int64_t>(wanted.data_type)},
                 {"layout", static_cast<int64_t>(created.layout), static_cast<int64_t>(wanted.layout)},
                 {"residual", created.residual, wanted.residual}};
  for (const auto& s : scalars) {
    if (Status status = check_same(s.field, s.created, s.wanted); !status.ok()) return status;
  }
  for (int a = 0; a < created.rank; ++a) {
    if (Status s = check_same("kernel", created.axis[a].kernel, wanted.axis[a].kernel); !s.ok()) return s;
    if (Status s = check_same("stride", created.axis[a].stride, wanted.axis[a].stride); !s.ok()) return s;
    if (Status s = check_same("dilation", created.axis[a].dilation, wanted.axis[a].dilation); !s.ok()) return s;
  }
  if (!same_activation(created.activation, wanted.activation)) {
    return Status::error(StatusCode::invalid_argument, "activation: reshape cannot change it");
  }
  if (!same_activation(created.input_activation, wanted.input_activation)) {
    return Status::error(StatusCode::invalid_argument, "input_activation: reshape cannot change it");
  }
  return {};
}

Status empty_operator() { return Status::error(StatusCode::invalid_argument, "the operator is empty: create() one first"); }

}  // namespace

ConvTranspose::ConvTranspose(ConvTranspose&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

ConvTranspose& ConvTranspose::operator=(ConvTranspose&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

ConvTranspose::~ConvTranspose() {
  if (state_ == nullptr) return;
  state_->~State();
  std::free(state_);
}

Result<ConvTranspose> ConvTranspose::create(const Description& description, const float* weights, const float* bias,
                                            const Options& options) {
  ConvTranspose op;
  void* const memory = std::malloc(sizeof(State));
  if (memory == nullptr) return Status::error(StatusCode::out_of_memory, "no memory for the operator");
  op.state_ = new (memory) State;
  State& s = *op.state_;
  if (Status status = build_layer(description, &s.layer); !status.ok()) return status;
  if (weights == nullptr) return Status::error(StatusCode::invalid_argument, "weights = nullptr");
  if (Status status = check_winograd(options.winograd); !status.ok()) return status;
  s.layer.finite_weights = all_finite(weights, s.layer.geometry.weight_elements);
  Target target = Target::automatic;
  if (Status status = choose_target(options.target, &target); !status.ok()) return status;
  arch::kernel_table(target, &s.kernels);
  const CacheSizes detected = detect_cache_sizes();
  s.options = options;
  s.options.cache = {options.cache.l1 != 0 ? options.cache.l1 : detected.l1, options.cache.l2 != 0 ? options.cache.l2 : detected.l2,
                     options.cache.l3 != 0 ? options.cache.l3 : detected.l3};
  if (Status status = choose_algorithm(s.layer, s.kernels, s.options, &s.summary); !status.ok()) return status;
  const auto create_plan = [&](auto& plan) { return fill_plan(s, weights, bias, &plan); };
  if (Status status = with_plan(s, create_plan); !status.ok()) return status;
  with_plan(s, [&s](const auto& plan) { describe(plan, s.summary.variant, sizeof s.summary.variant); });
  s.layer.description.activation.slopes = nullptr;  // packed; the caller's array may go
  return op;
}

Status ConvTranspose::reshape(const Description& description) {
  if (state_ == nullptr) return empty_operator();
  State& s = *state_;
  Description wanted = description;
  // The slopes were packed by create(); a prelu needs no pointer now.
  static constexpr float packed = 0;
  wanted.activation.slopes = &packed;
  Geometry geometry;
  if (Status status = resolve(wanted, &geometry); !status.ok()) return status;
  if (Status status = check_unchanged(s.layer.description, wanted); !status.ok()) return status;
  const Description old_description = s.layer.description;
  const Geometry old_geometry = s.layer.geometry;
  s.layer.description = wanted;
  s.layer.description.activation.slopes = nullptr;
  s.layer.geometry = geometry;
  Options options = s.options;
  options.algorithm = s.summary.algorithm;
  Status status = reshape_plan(&s);
  if (status.ok()) {
    const PlanSummary chosen = s.summary;
    status = choose_algorithm(s.layer, s.kernels, options, &s.summary);
    std::memcpy(s.summary.reason, chosen.reason, sizeof chosen.reason);
    std::memcpy(s.summary.variant, chosen.variant, sizeof chosen.variant);
  }
  if (!status.ok()) {
    s.layer.description = old_description;
    s.layer.geometry = old_geometry;
    const Status restored = reshape_plan(&s);
    static_cast<void>(restored);  // it succeeded before
  }
  return status;
}

size_t ConvTranspose::workspace_bytes(size_t threads) const {
  if (state_ == nullptr) return 0;
  const State& s = *state_;
  const auto of_plan = [&s](const auto& plan) { return workspace_bytes_of(s, plan); };
  return with_plan(s, of_plan) * (threads == 0 ? 1 : threads);
}

Status ConvTranspose::run(const float* input, float* output, void* workspace, size_t workspace_bytes,
                          const Parallelism& parallelism, const float* residual) const {
  if (state_ == nullptr) return empty_operator();
  if (input == nullptr) return Status::error(StatusCode::invalid_argument, "input = nullptr");
  if (output == nullptr) return Status::error(StatusCode::invalid_argument, "output = nullptr");
  if (state_->layer.description.residual && residual == nullptr) {
    return Status::error(StatusCode::invalid_argument, "residual = nullptr: the description asks for one");
  }
  if (!state_->layer.description.residual && residual != nullptr) {
    return Status::error(StatusCode::invalid_argument, "residual: given, but the description has none");
  }
  const size_t threads = parallelism.parallel_for == nullptr ? 1 : parallelism.threads;
  if (threads == 0) return Status::error(StatusCode::invalid_argument, "parallelism.threads = 0: must be at least 1");
  const size_t needed = this->workspace_bytes(threads);
  if (needed != 0) {
    if (workspace == nullptr)
      return Status::error(StatusCode::invalid_argument, "workspace = nullptr: %zu bytes are needed", needed);
    if (reinterpret_cast<uintptr_t>(workspace) % workspace_alignment != 0) {
      return Status::error(StatusCode::invalid_argument, "workspace = %p: must be a multiple of %zu", workspace,
                           workspace_alignment);
    }
    if (workspace_bytes < needed) {
      return Status::error(StatusCode::invalid_argument, "workspace_bytes = %zu: %zu are needed for %zu threads", workspace_bytes,
                           needed, threads);
    }
  }
  const RunArguments arguments{input, output, residual, static_cast<unsigned char*>(workspace), parallelism};
  with_plan(*state_, [&](const auto& plan) { run_plan(*state_, plan, arguments); });
  return {};
}

const Description& ConvTranspose::description() const {
  static constexpr Description empty{};
  return state_ != nullptr ? state_->layer.description : empty;
}

const Geometry& ConvTranspose::geometry() const {
  static constexpr Geometry empty{};
  return state_ != nullptr ? state_->layer.geometry : empty;
}

const PlanSummary& ConvTranspose::plan() const {
  static constexpr PlanSummary empty{};
  return state_ != nullptr ? state_->summary : empty;
}

size_t ConvTranspose::packed_bytes() const {
  if (state_ == nullptr) return 0;
  return with_plan(*state_, [](const auto& plan) { return packed_bytes_of(plan); });
}

}  // namespace tconv
