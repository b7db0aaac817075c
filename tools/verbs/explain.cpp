#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/explain/layer_options.hpp"
#include "tools/explain/model_layers.hpp"
#include "tools/explain/report.hpp"
#include "tools/explain/zero_insertion.hpp"
#include "tools/support/error.hpp"
#include "tools/support/options.hpp"
#include "tools/support/text.hpp"
#include "tools/verbs/verbs.hpp"

namespace {

using nlohmann::ordered_json;
using tools::Error;
using tools::ExitCode;
using tools::explain::Comparison;

constexpr const char* footer =
    "A layer is given by options, or a model by its file. --in, --kernel, --stride, --dilation, --pad, --pad-end and\n"
    "--output-padding take one value for all axes, or one per axis (H,W); the number of values of --in is the rank.\n"
    "Cycles are the cost model's estimates, with this CPU's caches or those given by --l1, --l2 and --l3. --measure runs the\n"
    "layer on random data both ways: by phases, and by a stride-1 convolution of the zero-inserted input with the library's own\n"
    "kernels; it compares the results and prints both times.\n"
    "Examples:\n"
    "  tconv explain --in-channels 256 --out-channels 128 --in 16,16 --kernel 4 --stride 2 --pad 1 --layout nhwc\n"
    "  tconv explain --in-channels 64 --out-channels 32 --in 4096 --kernel 16 --stride 8 --pad 4 --measure\n"
    "  tconv explain --in-channels 256 --out-channels 128 --in 16,16 --kernel 4 --stride 2 --pad 1 --l2 256K --l3 1\n"
    "  tconv explain model.onnx --input-shape 1,3,64,64 --json";

struct Options {
  std::string model;
  std::vector<std::string> input_shapes;
  tools::explain::LayerOptions layer;
  std::string target = "auto";
  tools::PlanOptions plan;
  int threads = 1;
  int repeat = 5;
  int64_t memory_limit_mib = 1000;
  bool measure = false;
  bool json = false;
};

std::string comparison_text(const Comparison& c, int threads, int repeats) {
  const double zero_seconds = c.insertion_seconds + c.convolution_seconds;
  return fmt::format(
      "measured on {} thread{}, median of {}:\n"
      "  phases:         {}\n"
      "  zero insertion: {} = {} to insert + {} to convolve ({}); {:.3g} times as long\n"
      "  the zero-inserted input takes {}; the results differ by at most {:.2g} (rounding explains {:.2g})\n",
      threads, threads == 1 ? "" : "s", repeats, tools::format_seconds(c.phases_seconds), tools::format_seconds(zero_seconds),
      tools::format_seconds(c.insertion_seconds), tools::format_seconds(c.convolution_seconds),
      tconv::algorithm_name(c.convolution_algorithm), zero_seconds / c.phases_seconds, tools::format_bytes(c.stretched_bytes),
      c.largest_difference, c.tolerance);
}

ordered_json comparison_json(const Comparison& c) {
  return {{"phases_seconds", c.phases_seconds},
          {"insertion_seconds", c.insertion_seconds},
          {"convolution_seconds", c.convolution_seconds},
          {"zero_insertion_ratio", (c.insertion_seconds + c.convolution_seconds) / c.phases_seconds},
          {"stretched_input_bytes", c.stretched_bytes},
          {"largest_difference", c.largest_difference},
          {"tolerance", c.tolerance}};
}

// Prints one layer; with --json adds it to `layers` instead.
void explain_layer(const Options& options, const std::string& label, const tconv::ConvTranspose& op, tools::ThreadPool* pool,
                   ordered_json* layers) {
  const std::vector<std::string> variants =
      tools::explain::candidate_variants(op, tools::operator_options(options.target, options.plan), options.memory_limit_mib << 20);
  if (!options.json)
    fmt::print("{}{}", label.empty() ? "" : label + "\n", tools::explain::layer_text(op, variants, options.threads));
  ordered_json entry;
  if (options.json) {
    if (!label.empty()) entry["label"] = label;
    entry.update(tools::explain::layer_json(op, variants, options.threads));
  }
  if (options.measure) {
    const Comparison comparison =
        tools::explain::compare_with_zero_insertion(op.description(), tools::operator_options(options.target, options.plan),
                                                    options.repeat, options.memory_limit_mib << 20, pool);
    if (options.json) entry["measured"] = comparison_json(comparison);
    if (!options.json) fmt::print("{}", comparison_text(comparison, options.threads, options.repeat));
    if (!(comparison.largest_difference <= comparison.tolerance)) {
      throw Error(ExitCode::check_failed, fmt::format("the two ways differ by {:.3g}, more than the {:.3g} that rounding explains",
                                                      comparison.largest_difference, comparison.tolerance));
    }
  }
  if (options.json) layers->push_back(entry);
}

void explain(const Options& options) {
  const tconv::Options operator_options = tools::operator_options(options.target, options.plan);
  tools::ThreadPool pool(options.threads);
  ordered_json layers = ordered_json::array();
  if (options.model.empty()) {
    const tconv::Description description = tools::explain::description(options.layer);
    const tconv::ConvTranspose op = tools::explain::create_layer(description, operator_options, options.memory_limit_mib << 20);
    explain_layer(options, "", op, &pool, &layers);
  } else {
    if (!options.layer.in.empty()) {
      throw Error(ExitCode::bad_command_line, "--in: a layer's options cannot be given together with a model (use --input-shape)");
    }
    const tconv::Layout layout = options.layer.layout == "nhwc" ? tconv::Layout::nhwc : tconv::Layout::nchw;
    const tools::graph::Program program = tools::explain::prepare_model(options.model, options.input_shapes, operator_options,
                                                                        layout, options.memory_limit_mib << 20);
    bool first = true;
    for (const auto& step : program.steps()) {
      if (!options.json && !first) fmt::print("\n");
      first = false;
      if (step->op() != nullptr) {
        explain_layer(options, step->label(), *step->op(), &pool, &layers);
      } else if (!options.json) {
        fmt::print("{}\nelement by element\n", step->label());
      }
    }
    if (!options.json) fmt::print("\nall computed tensors: {}\n", tools::format_bytes(program.computed_bytes()));
  }
  if (options.json) fmt::print("{}\n", (options.model.empty() ? layers[0] : ordered_json{{"layers", layers}}).dump(2));
}

}  // namespace

void register_explain(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("explain", "How a layer or model is computed: phases, algorithm and why, work, memory");
  verb->add_option("MODEL", options->model, "ONNX model; without it the options below give one layer");
  verb->add_option("--input-shape", options->input_shapes, "[NAME=]N,C,... of a model's input whose sizes are dynamic, in order")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  tools::explain::add_layer_options(verb, &options->layer);
  tools::add_target_option(verb, &options->target);
  tools::add_plan_options(verb, &options->plan);
  tools::add_cache_options(verb, &options->plan.cache);
  tools::add_threads_option(verb, &options->threads);
  verb->add_flag("--measure", options->measure, "Time the layer, and the same layer by zero insertion");
  verb->add_option("--repeat", options->repeat, "Runs of which --measure takes the median")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  verb->add_option("--memory-limit", options->memory_limit_mib, "MiB that tensors may take")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30))
      ->capture_default_str();
  verb->add_flag("--json", options->json, "For programs");
  verb->footer(footer);
  verb->callback([options] { explain(*options); });
}
