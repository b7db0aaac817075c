#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tools/graph/bind_inputs.hpp"
#include "tools/graph/compile.hpp"
#include "tools/io/file.hpp"
#include "tools/io/tensor_file.hpp"
#include "tools/onnx/loader.hpp"
#include "tools/support/error.hpp"
#include "tools/support/options.hpp"
#include "tools/support/text.hpp"
#include "tools/support/timing.hpp"
#include "tools/verbs/verbs.hpp"

namespace {

using tools::Error;
using tools::ExitCode;

constexpr const char* footer =
    "Operators: ConvTranspose (every attribute, 1 to 3 spatial dimensions), Conv (stride 1: a transposed convolution with the "
    "flipped\n"
    "kernel), Pad (constant, edge, reflect), BatchNormalization, Relu, LeakyRelu, PRelu, Sigmoid,\n"
    "Tanh, Clip, Elu, Add, Identity, Constant. Tensors are float32; float16 and float64 files are converted.\n"
    "Examples:\n"
    "  tconv run model.onnx -i x.npy -o y.npy\n"
    "  tconv run model.onnx -i X=x.npy -i W=w.pb -o y.npy --threads 4 --repeat 20\n"
    "  TCONV_TARGET=scalar tconv run model.onnx -i x.npy -o y.npy --verbose";

struct RunOptions {
  std::string model;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::string target = "auto";
  tools::PlanOptions plan;
  std::string layout = "nchw";
  int threads = 1;
  int repeat = 1;
  int64_t memory_limit_mib = 1000;
  bool no_fusion = false;
  bool verbose = false;
  bool progress = false;
};

// "X=x.npy" names the graph input, if the model has one called X; else the whole text is a path.
tools::graph::NamedTensor read_input(const tools::onnx::Model& model, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals != std::string::npos) {
    const std::string name = text.substr(0, equals);
    for (const tools::onnx::ValueInfo& info : model.inputs) {
      std::string own_name;
      if (info.name == name) return {name, tools::read_tensor(text.substr(equals + 1), &own_name)};
    }
  }
  tools::graph::NamedTensor tensor;
  tensor.tensor = tools::read_tensor(text, &tensor.name);
  return tensor;
}

void print_steps(const tools::graph::Program& program) {
  for (const auto& step : program.steps()) {
    const tools::Tensor& result = program.value(step->output()).tensor;
    std::string how = "element by element";
    if (const tconv::ConvTranspose* op = step->op(); op != nullptr) {
      const tconv::PlanSummary& plan = op->plan();
      how = fmt::format("{}, {}{}{}: {}", tconv::target_name(plan.target), tconv::algorithm_name(plan.algorithm),
                        plan.variant[0] == '\0' ? "" : " ", plan.variant, plan.reason);
    }
    fmt::print("  {} -> {}; {}\n", step->label(), tools::format_shape(result.shape), how);
  }
}

// " (2 shared buffers of 27.7 MiB + 5.9 MiB; 87.0 MiB without sharing)".
std::string describe_buffers(const tools::graph::Program& program) {
  if (program.buffers().empty()) return "";
  std::string sizes;
  for (size_t count : program.buffers()) {
    sizes += (sizes.empty() ? "" : " + ") + tools::format_bytes(static_cast<int64_t>(count * sizeof(float)));
  }
  return fmt::format(" ({} shared buffer{} of {}; {} without sharing)", program.buffers().size(),
                     program.buffers().size() == 1 ? "" : "s", sizes, tools::format_bytes(program.unshared_bytes()));
}

// Share of the time that each step took.
void print_times(const tools::graph::Program& program) {
  double total = 0;
  for (double seconds : program.step_seconds()) total += seconds;
  for (size_t t = 0; t < program.steps().size(); ++t) {
    fmt::print("  {:5.1f} %  {}\n", total > 0 ? 100 * program.step_seconds()[t] / total : 0.0, program.steps()[t]->label());
  }
}

void run(const RunOptions& options) {
  tools::graph::CompileOptions compile;
  compile.operator_options = tools::operator_options(options.target, options.plan);
  compile.layout = options.layout == "nhwc" ? tconv::Layout::nhwc : tconv::Layout::nchw;
  compile.fuse = !options.no_fusion;
  compile.memory_limit = options.memory_limit_mib << 20;
  for (const std::string& path : options.outputs) {
    tools::require_tensor_ending(path);
    tools::require_writable(path);
  }
  const tools::onnx::Model model = tools::onnx::load_model(options.model);
  if (options.outputs.size() > model.outputs.size()) {
    throw Error(ExitCode::bad_command_line,
                fmt::format("--output: given {} times, the model has {} outputs", options.outputs.size(), model.outputs.size()));
  }
  std::vector<tools::graph::NamedTensor> tensors;
  for (const std::string& text : options.inputs) tensors.push_back(read_input(model, text));
  tools::graph::Program program;
  try {
    program = tools::graph::compile(model, tools::graph::bind_inputs(model, std::move(tensors)), compile);
  } catch (const Error& e) {
    throw Error(e.code(), fmt::format("{}: {}", options.model, e.what()));
  }
  if (options.verbose) print_steps(program);

  tools::ThreadPool pool(options.threads);
  std::vector<double> seconds;
  {
    tools::Progress progress("run", static_cast<int64_t>(program.steps().size()) * options.repeat, options.progress);
    seconds = tools::time_runs(options.repeat, [&] { program.run(pool, false, &progress); });
  }
  if (options.verbose) print_times(program);
  for (size_t i = 0; i < program.output_count(); ++i) {
    const tools::graph::Value& output = program.output(i);
    const bool written = i < options.outputs.size();
    if (written) tools::write_tensor(options.outputs[i], output.name, output.tensor);
    fmt::print("output '{}': {}{}\n", model.outputs[i].name, tools::format_shape(output.tensor.shape),
               written ? " written to " + options.outputs[i] : "");
  }
  fmt::print(
      "{} steps, {} tensors{}, {} thread{}: {}{}\n", program.steps().size(), tools::format_bytes(program.computed_bytes()),
      describe_buffers(program), options.threads, options.threads == 1 ? "" : "s", tools::format_seconds(tools::median(seconds)),
      options.repeat > 1 ? fmt::format(" (median of {}, best {})", options.repeat, tools::format_seconds(seconds.front())) : "");
}

}  // namespace

void register_run(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* verb = app.add_subcommand("run", "Run an ONNX model of transposed convolutions on tensors from files");
  verb->add_option("MODEL", options->model, "ONNX model")->required();
  verb->add_option("-i,--input", options->inputs, "[NAME=]FILE for each graph input in order (.npy or TensorProto .pb)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb->add_option("-o,--output", options->outputs, "FILE for each graph output in order (.npy or .pb)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  tools::add_target_option(verb, &options->target);
  tools::add_plan_options(verb, &options->plan);
  tools::add_threads_option(verb, &options->threads);
  verb->add_option("--repeat", options->repeat, "Run this often and report the median time")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  verb->add_option("--layout", options->layout, "Memory layout inside the operators; nhwc turns tensors round before and after")
      ->check(CLI::IsMember({"nchw", "nhwc"}))
      ->capture_default_str();
  verb->add_option("--memory-limit", options->memory_limit_mib, "MiB that all computed tensors together may take")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30))
      ->capture_default_str();
  verb->add_flag("--no-fusion", options->no_fusion, "Compute every node on its own");
  verb->add_flag("-v,--verbose", options->verbose, "Print each step and how it is computed");
  tools::add_progress_option(verb, &options->progress);
  verb->footer(footer);
  verb->callback([options] { run(*options); });
}
