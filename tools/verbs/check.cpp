#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tools/check/cases.hpp"
#include "tools/check/check_case.hpp"
#include "tools/support/error.hpp"
#include "tools/support/options.hpp"
#include "tools/support/progress.hpp"
#include "tools/verbs/verbs.hpp"

namespace {

using tools::Error;
using tools::ExitCode;

constexpr const char* footer =
    "A case is a folder with model.onnx and test_data_set_*/input_*.pb, output_*.pb; DIR is one, or holds some at any depth.\n"
    "A case passes when every element is within rtol * |expected| + atol. Without --atol that is 1e-7 or, where larger, a bound "
    "on\n"
    "the rounding errors of two float evaluations, computed per element from the sums of magnitudes (8 sqrt(terms + 4) 2^-24\n"
    "sum |x| |w|). Expected values stored as float16 or bfloat16 widen rtol to 4 of their round-offs. NaN equals NaN.\n"
    "Exit code 1 when a case fails, 3 when there is none.\n"
    "Examples:\n"
    "  tconv check /usr/share/libonnx-testdata/data --filter convtranspose\n"
    "  tconv check cases/ --all-targets --layout both --threads 2\n"
    "  tconv check cases/test_17 --rtol 1e-4 --atol 1e-6 --verbose";

struct Options {
  std::vector<std::string> folders;
  std::string filter;
  std::string target = "auto";
  tools::PlanOptions plan;
  std::string layout = "nchw";
  tools::check::Tolerance tolerance;
  int threads = 1;
  bool all_targets = false;
  bool no_fusion = false;
  bool quiet = false;
  bool verbose = false;
  bool progress = false;
};

std::vector<tools::check::Variant> variants(const Options& options) {
  std::vector<tconv::Options> operator_options;
  if (options.all_targets) {
    for (tconv::Target t : tconv::all_targets) {
      if (tconv::target_supported(t)) operator_options.push_back(tools::operator_options(tconv::target_name(t), options.plan));
    }
  } else {
    operator_options.push_back(tools::operator_options(options.target, options.plan));
  }
  std::vector<tools::check::Variant> all;
  for (const tconv::Options& o : operator_options) {
    if (options.layout != "nhwc") all.push_back({o, tconv::Layout::nchw, !options.no_fusion});
    if (options.layout != "nchw") all.push_back({o, tconv::Layout::nhwc, !options.no_fusion});
  }
  return all;
}

void check(const Options& options) {
  const std::vector<tools::check::Variant> each = variants(options);
  std::vector<std::string> cases;
  for (const std::string& folder : options.folders) {
    for (std::string& found : tools::check::find_cases(folder, options.filter)) cases.push_back(std::move(found));
  }
  if (cases.empty()) {
    throw Error(ExitCode::bad_input, options.filter.empty()
                                         ? fmt::format("{}: holds no case (a folder with model.onnx)", options.folders.front())
                                         : fmt::format("--filter = {}: matches no case", options.filter));
  }
  tools::ThreadPool pool(options.threads);
  tools::Progress progress("check", static_cast<int64_t>(cases.size()), options.progress);
  size_t passed = 0;
  for (const std::string& folder : cases) {
    const tools::check::Outcome outcome = tools::check::check_case(folder, each, options.tolerance, &pool);
    passed += outcome.passed ? 1 : 0;
    if (!outcome.passed || !options.quiet) fmt::print("{} {}: {}\n", outcome.passed ? "PASS" : "FAIL", folder, outcome.summary);
    if (options.verbose) {
      for (const std::string& line : outcome.details) fmt::print("     {}\n", line);
    }
    std::fflush(stdout);
    progress.advance();
  }
  std::string names;
  for (const tools::check::Variant& v : each) names += (names.empty() ? "" : ", ") + v.name();
  fmt::print("each case on: {}\n", names);
  fmt::print("{} passed, {} failed\n", passed, cases.size() - passed);
  std::fflush(stdout);
  if (passed != cases.size())
    throw Error(ExitCode::check_failed, fmt::format("{} of {} cases failed", cases.size() - passed, cases.size()));
}

}  // namespace

void register_check(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("check", "Run ONNX test cases and compare with their expected outputs");
  verb->add_option("DIR", options->folders, "Folders of cases")->required();
  verb->add_option("--filter", options->filter,
                   "Only cases whose path contains this, in any case; with * or ? a pattern of the whole path");
  verb->add_option("--rtol", options->tolerance.relative, "Relative tolerance")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--atol", options->tolerance.absolute, "Absolute tolerance (default: derived, see below)")
      ->check(CLI::NonNegativeNumber);
  CLI::Option* target = verb->add_option("--target", options->target, "Instruction set to use");
  std::vector<std::string> names = {"auto"};
  for (tconv::Target t : tconv::all_targets) names.emplace_back(tconv::target_name(t));
  target->check(CLI::IsMember(names))->capture_default_str();
  verb->add_flag("--all-targets", options->all_targets, "Every instruction set that this CPU supports")->excludes(target);
  tools::add_plan_options(verb, &options->plan);
  verb->add_option("--layout", options->layout, "Memory layout inside the operators")
      ->check(CLI::IsMember({"nchw", "nhwc", "both"}))
      ->capture_default_str();
  tools::add_threads_option(verb, &options->threads);
  verb->add_flag("--no-fusion", options->no_fusion, "Compute every node on its own");
  verb->add_flag("-q,--quiet", options->quiet, "Only failing cases and the last line");
  verb->add_flag("-v,--verbose", options->verbose, "A line for every variant of a case");
  tools::add_progress_option(verb, &options->progress);
  verb->footer(footer);
  verb->callback([options] { check(*options); });
}
