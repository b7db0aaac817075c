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

void add_algorithm_option(CLI::App* verb, std::string* algorithm) {
  std::vector<std::string> names = {tconv::algorithm_name(tconv::Algorithm::automatic)};
  for (tconv::Algorithm a : tconv::all_algorithms) names.emplace_back(tconv::algorithm_name(a));
  verb->add_option("--algorithm", *algorithm, "Algorithm to use instead of the plan's choice")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
}

void add_progress_option(CLI::App* verb, bool* progress) {
  verb->add_flag("--progress", *progress, "Report progress on stderr even when it is not a terminal");
}

tconv::Options operator_options(const std::string& target, const std::string& algorithm) {
  tconv::Options options;
  tconv::Target wanted = tconv::Target::automatic;
  if (!tconv::target_from_name(target.c_str(), &wanted)) {
    throw Error(ExitCode::bad_command_line, fmt::format("--target = {}: no such target", target));
  }
  if (tconv::Status s = tconv::choose_target(wanted, &options.target); !s.ok())
    throw Error(ExitCode::bad_command_line, s.message());
  if (!tconv::algorithm_from_name(algorithm.c_str(), &options.algorithm)) {
    throw Error(ExitCode::bad_command_line, fmt::format("--algorithm = {}: no such algorithm", algorithm));
  }
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
