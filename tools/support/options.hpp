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
// --algorithm NAME.
void add_algorithm_option(CLI::App* verb, std::string* algorithm);
// --progress.
void add_progress_option(CLI::App* verb, bool* progress);

// The library's options for names that the options above have let through. Throws Error(bad_command_line) for a target that
// cannot run here.
tconv::Options operator_options(const std::string& target, const std::string& algorithm = "auto");

// "3", "3,4" or "3x4" as integers; throws Error(bad_command_line) naming `option`.
std::vector<int64_t> parse_integers(const std::string& text, const std::string& option);

}  // namespace tools
