#include "tools/explain/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "tools/explain/layer_options.hpp"
#include "tools/support/text.hpp"

namespace tools::explain {
namespace {

constexpr const char* axis_names[] = {"D", "H", "W"};
constexpr int64_t most_phases_shown = 16;

const char* activation_name(tconv::ActivationKind kind) {
  constexpr const char* names[] = {"none",    "relu", "clamp", "leaky_relu", "prelu",      "tanh",
                                   "sigmoid", "silu", "gelu",  "elu",        "hard_swish", "softplus"};
  return names[static_cast<int>(kind)];
}

std::vector<int64_t> tensor_shape(int64_t batch, int64_t channels, const int64_t sizes[], int rank, tconv::Layout layout) {
  std::vector<int64_t> shape = {batch};
  if (layout == tconv::Layout::nchw) shape.push_back(channels);
  for (int a = tconv::max_rank - rank; a < tconv::max_rank; ++a) shape.push_back(sizes[a]);
  if (layout == tconv::Layout::nhwc) shape.push_back(channels);
  return shape;
}

struct Shapes {
  std::vector<int64_t> input;
  std::vector<int64_t> output;
};

Shapes shapes(const tconv::ConvTranspose& op) {
  const tconv::Description& d = op.description();
  const tconv::Geometry& g = op.geometry();
  const int64_t input[] = {g.axis[0].input, g.axis[1].input, g.axis[2].input};
  return {tensor_shape(d.batch, d.in_channels, input, d.rank, d.layout),
          tensor_shape(d.batch, d.out_channels, g.output, d.rank, d.layout)};
}

std::string taps_text(const tconv::Phase& phase) {
  if (phase.taps == 0) return "no taps: bias alone";
  std::vector<int64_t> taps;
  std::vector<int64_t> inputs;
  for (int64_t j = 0; j < std::min<int64_t>(phase.taps, 8); ++j) {
    taps.push_back(phase.first_tap + j * phase.tap_step);
    inputs.push_back(-phase.input_offset - j * phase.input_step);
  }
  std::string positions;
  for (int64_t i : inputs)
    positions += fmt::format("{}x[q{}]", positions.empty() ? "" : ", ", i == 0 ? "" : fmt::format("{:+}", i));
  const char* more = phase.taps > 8 ? ", ..." : "";
  return fmt::format("{} tap{} w[{}{}] on {}{}", phase.taps, phase.taps == 1 ? "" : "s", fmt::join(taps, ", "), more, positions,
                     more);
}

std::string axis_text(const tconv::Axis& axis, const char* name, int64_t output) {
  std::string text =
      fmt::format("  {}: {} -> {}   kernel {}, stride {}, dilation {}, padding {} + {}, output padding {}\n", name, axis.input,
                  output, axis.kernel, axis.stride, axis.dilation, axis.pad_begin, axis.pad_end, axis.output_padding);
  for (int64_t r = 0; r < std::min(axis.stride, most_phases_shown); ++r) {
    const tconv::Phase phase = tconv::phase_of(axis, r);
    text += fmt::format("     phase {}: {} outputs, {}\n", r, phase.q_end - phase.q_begin, taps_text(phase));
  }
  if (axis.stride > most_phases_shown) text += fmt::format("     ... {} phases in all\n", axis.stride);
  return text;
}

}  // namespace

// The plan says what it chose; what another algorithm would do is known when it is asked for.
std::vector<std::string> candidate_variants(const tconv::ConvTranspose& op, const tconv::Options& options, int64_t memory_limit) {
  std::vector<std::string> variants;
  const tconv::PlanSummary& plan = op.plan();
  for (int i = 0; i < plan.candidates; ++i) {
    const tconv::Algorithm algorithm = plan.candidate[i].algorithm;
    if (algorithm == plan.algorithm) {
      variants.emplace_back(plan.variant);
    } else if (algorithm == tconv::Algorithm::winograd || algorithm == tconv::Algorithm::planar_winograd) {
      tconv::Options forced = options;
      forced.algorithm = algorithm;
      tconv::Description description = op.description();
      description.activation = {};  // no variant depends on it, and its slopes may be gone
      variants.emplace_back(create_layer(description, forced, memory_limit).plan().variant);
    } else {
      variants.emplace_back();
    }
  }
  return variants;
}

std::string layer_text(const tconv::ConvTranspose& op, const std::vector<std::string>& variants, int threads) {
  const tconv::Description& d = op.description();
  const tconv::Geometry& g = op.geometry();
  const tconv::PlanSummary& plan = op.plan();
  const Shapes shape = shapes(op);
  int64_t phases = 1;
  std::string text =
      fmt::format("input {} -> output {} ({}), {} group{}\n", format_shape(shape.input), format_shape(shape.output),
                  d.layout == tconv::Layout::nchw ? "channels first" : "channels last", d.groups, d.groups == 1 ? "" : "s");
  if (d.input_activation.kind != tconv::ActivationKind::none) {
    text += fmt::format("  on the input: {}\n", activation_name(d.input_activation.kind));
  }
  if (d.activation.kind != tconv::ActivationKind::none || d.residual) {
    text += fmt::format("  on the output: {}{}\n", d.residual ? "+ residual, " : "", activation_name(d.activation.kind));
  }
  for (int a = tconv::max_rank - d.rank; a < tconv::max_rank; ++a) {
    text += axis_text(g.axis[a], axis_names[a], g.output[a]);
    phases *= g.axis[a].stride;
  }
  text += fmt::format("  {} phase{} in all: output s*q + r - p of phase r is a stride-1 convolution over q; no zero is inserted\n",
                      phases, phases == 1 ? "" : "s");
  text += fmt::format("algorithm: {}{}{} on {}\n  why: {}\n", tconv::algorithm_name(plan.algorithm),
                      plan.variant[0] == '\0' ? "" : " ", plan.variant, tconv::target_name(plan.target), plan.reason);
  for (int i = 0; i < plan.candidates; ++i) {
    const std::string& variant = variants[static_cast<size_t>(i)];
    text += fmt::format("  candidate {}{}: about {} cycles on one thread\n", tconv::algorithm_name(plan.candidate[i].algorithm),
                        variant.empty() ? "" : " " + variant, format_count(plan.candidate[i].cycles));
  }
  const auto macs = static_cast<double>(plan.multiplications);
  const auto zero_macs = static_cast<double>(plan.zero_insertion_multiplications);
  text += fmt::format("multiplications: {} (zero insertion: {}, {:.3g} times as many)\n", format_count(macs),
                      format_count(zero_macs), macs > 0 ? zero_macs / macs : 0.0);
  text += fmt::format(
      "memory: input {}, output {}, weights {}, packed {}, workspace {} for {} thread{}\n", format_bytes(plan.input_bytes),
      format_bytes(plan.output_bytes), format_bytes(plan.weight_bytes), format_bytes(static_cast<int64_t>(op.packed_bytes())),
      format_bytes(static_cast<int64_t>(op.workspace_bytes(static_cast<size_t>(threads)))), threads, threads == 1 ? "" : "s");
  const auto bytes = static_cast<double>(plan.input_bytes + plan.output_bytes + plan.weight_bytes);
  text += fmt::format("arithmetic intensity: {:.3g} FLOP per byte moved once\n", 2 * macs / bytes);
  return text;
}

nlohmann::ordered_json layer_json(const tconv::ConvTranspose& op, const std::vector<std::string>& variants, int threads) {
  const tconv::Description& d = op.description();
  const tconv::Geometry& g = op.geometry();
  const tconv::PlanSummary& plan = op.plan();
  const Shapes shape = shapes(op);
  nlohmann::ordered_json json;
  json["input_shape"] = shape.input;
  json["output_shape"] = shape.output;
  json["layout"] = d.layout == tconv::Layout::nchw ? "nchw" : "nhwc";
  json["groups"] = d.groups;
  json["activation"] = activation_name(d.activation.kind);
  json["input_activation"] = activation_name(d.input_activation.kind);
  json["axes"] = nlohmann::ordered_json::array();
  for (int a = tconv::max_rank - d.rank; a < tconv::max_rank; ++a) {
    const tconv::Axis& axis = g.axis[a];
    nlohmann::ordered_json entry = {{"input", axis.input},       {"output", g.output[a]},
                                    {"kernel", axis.kernel},     {"stride", axis.stride},
                                    {"dilation", axis.dilation}, {"pad_begin", axis.pad_begin},
                                    {"pad_end", axis.pad_end},   {"output_padding", axis.output_padding}};
    entry["phases"] = nlohmann::ordered_json::array();
    for (int64_t r = 0; r < std::min(axis.stride, most_phases_shown); ++r) {
      const tconv::Phase p = tconv::phase_of(axis, r);
      entry["phases"].push_back({{"index", p.index},
                                 {"taps", p.taps},
                                 {"first_tap", p.first_tap},
                                 {"tap_step", p.tap_step},
                                 {"input_offset", p.input_offset},
                                 {"input_step", p.input_step},
                                 {"outputs", p.q_end - p.q_begin}});
    }
    json["axes"].push_back(entry);
  }
  json["target"] = tconv::target_name(plan.target);
  json["algorithm"] = tconv::algorithm_name(plan.algorithm);
  json["variant"] = plan.variant;
  json["reason"] = plan.reason;
  json["candidates"] = nlohmann::ordered_json::array();
  for (int i = 0; i < plan.candidates; ++i) {
    json["candidates"].push_back({{"algorithm", tconv::algorithm_name(plan.candidate[i].algorithm)},
                                  {"variant", variants[static_cast<size_t>(i)]},
                                  {"cycles", plan.candidate[i].cycles}});
  }
  json["multiplications"] = plan.multiplications;
  json["zero_insertion_multiplications"] = plan.zero_insertion_multiplications;
  json["input_bytes"] = plan.input_bytes;
  json["output_bytes"] = plan.output_bytes;
  json["weight_bytes"] = plan.weight_bytes;
  json["packed_bytes"] = op.packed_bytes();
  json["workspace_bytes"] = op.workspace_bytes(static_cast<size_t>(threads));
  return json;
}

}  // namespace tools::explain
