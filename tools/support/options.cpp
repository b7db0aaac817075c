#include "tools/support/options.hpp"

#include <fmt/format.h>

#include <charconv>

#include "tools/support/error.hpp"

namespace tools {

void add_threads_option(CLI::App* verb, int* threads) {
  verb->add_option("--threads", *threads, "Threads that work at the same time")
      ->check(CLI::Range(1, max_threads))
      ->capture_default_str();
}

void add_target_option(CLI::App* verb, std::string* target) {
  std::vector<std::string> names = {tconv::target_name(tconv::Target::automatic)};
  for (tconv::Target t : tconv::all_targets) names.emplace_back(tconv::target_name(t));
  verb->add_option("--target", *target, "Instruction set to use")->check(CLI::IsMember(names))->capture_default_str();
}

namespace {

constexpr struct {
  const char* name;
  tconv::WinogradAccuracy accuracy;
} winograd_classes[] = {{"off", tconv::WinogradAccuracy::off},
                        {"strict", tconv::WinogradAccuracy::strict},
                        {"standard", tconv::WinogradAccuracy::standard}};

// Bytes, with an optional K, M or G (of 1024) behind them.
CLI::Option* add_size_option(CLI::App* verb, const char* name, size_t* bytes, const char* help) {
  const auto not_negative = [](std::string& text) {
    return text.find('-') == std::string::npos ? std::string() : text + " is negative";
  };
  // The one added last looks first.
  return verb->add_option(name, *bytes, help)
      ->transform(CLI::AsSizeValue(false))
      ->transform(CLI::Validator(not_negative, "", "not negative"));
}

}  // namespace

void add_plan_options(CLI::App* verb, PlanOptions* options) {
  std::vector<std::string> names = {tconv::algorithm_name(tconv::Algorithm::automatic)};
  for (tconv::Algorithm a : tconv::all_algorithms) names.emplace_back(tconv::algorithm_name(a));
  verb->add_option("--algorithm", options->algorithm, "Algorithm to use instead of the plan's choice")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  std::vector<std::string> classes;
  for (const auto& c : winograd_classes) classes.emplace_back(c.name);
  verb->add_option("--winograd", options->winograd,
                   "Rounding errors that Winograd's minimal filtering may make; off forbids it (and all but standard strassen)")
      ->check(CLI::IsMember(classes))
      ->capture_default_str();
  add_size_option(verb, "--max-workspace", &options->max_workspace,
                  "Bytes of workspace per thread that Winograd and strassen may use (e.g. 1M)")
      ->default_str("4M");
  add_size_option(verb, "--max-packed", &options->max_packed, "Bytes of packed weights that Winograd and strassen may use")
      ->default_str("no limit");
}

void add_cache_options(CLI::App* verb, tconv::CacheSizes* cache) {
  constexpr const char* group = "Plan as for a CPU with caches of";
  add_size_option(verb, "--l1", &cache->l1, "Bytes of L1 (e.g. 32K); 0: this CPU's")->group(group);
  add_size_option(verb, "--l2", &cache->l2, "Bytes of L2; 0: this CPU's")->group(group);
  add_size_option(verb, "--l3", &cache->l3, "Bytes of L3; 0: this CPU's, 1: none")->group(group);
}

void add_progress_option(CLI::App* verb, bool* progress) {
  verb->add_flag("--progress", *progress, "Report progress on stderr even when it is not a terminal");
}

tconv::Options operator_options(const std::string& target, const PlanOptions& plan) {
  tconv::Options options;
  tconv::Target wanted = tconv::Target::automatic;
  if (!tconv::target_from_name(target.c_str(), &wanted)) {
    throw Error(ExitCode::bad_command_line, fmt::format("--target = {}: no such target", target));
  }
  if (tconv::Status s = tconv::choose_target(wanted, &options.target); !s.ok())
    throw Error(ExitCode::bad_command_line, s.message());
  if (!tconv::algorithm_from_name(plan.algorithm.c_str(), &options.algorithm)) {
    throw Error(ExitCode::bad_command_line, fmt::format("--algorithm = {}: no such algorithm", plan.algorithm));
  }
  bool known = false;
  for (const auto& c : winograd_classes) {
    if (plan.winograd != c.name) continue;
    options.winograd.accuracy = c.accuracy;
    known = true;
  }
  if (!known) throw Error(ExitCode::bad_command_line, fmt::format("--winograd = {}: no such class", plan.winograd));
  options.max_workspace_bytes = plan.max_workspace;
  options.max_packed_bytes = plan.max_packed;
  options.cache = plan.cache;
  return options;
}

std::vector<int64_t> parse_integers(const std::string& text, const std::string& option) {
  std::vector<int64_t> values;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    int64_t value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc() || (next != end && *next != ',' && *next != 'x')) {
      throw Error(ExitCode::bad_command_line, fmt::format("{} = {}: must be integers separated by commas", option, text));
    }
    values.push_back(value);
    if (next == end) return values;
    at = next + 1;
  }
}

}  // namespace tools
