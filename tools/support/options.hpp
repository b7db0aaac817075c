// Options that several verbs share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "tconv/conv_transpose.hpp"

namespace tools {

constexpr int max_threads = 256;

// --threads N; default 1.
void add_threads_option(CLI::App* verb, int* threads);
// --target NAME; unknown names and targets that this CPU cannot run are refused (exit code 2).
void add_target_option(CLI::App* verb, std::string* target);

// What the plan may use, as given on the command line.
struct PlanOptions {
  std::string algorithm = "auto";
  std::string winograd = "standard";
  size_t max_workspace = tconv::Options{}.max_workspace_bytes;
  size_t max_packed = tconv::Options{}.max_packed_bytes;
  tconv::CacheSizes cache;
};
// --algorithm NAME, --winograd CLASS, --max-workspace BYTES, --max-packed BYTES.
void add_plan_options(CLI::App* verb, PlanOptions* options);
// --l1, --l2, --l3 BYTES: plan as for a CPU with these caches.
void add_cache_options(CLI::App* verb, tconv::CacheSizes* cache);
// --progress.
void add_progress_option(CLI::App* verb, bool* progress);

// The library's options for names that the options above have let through. Throws Error(bad_command_line) for a target that
// cannot run here.
tconv::Options operator_options(const std::string& target, const PlanOptions& plan = {});

// "3", "3,4" or "3x4" as integers; throws Error(bad_command_line) naming `option`.
std::vector<int64_t> parse_integers(const std::string& text, const std::string& option);

}  // namespace tools
