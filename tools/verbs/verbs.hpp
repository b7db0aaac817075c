// The verbs of the program. Each function adds its subcommand to `app`, with a callback that does the work and throws
// tools::Error when it cannot.
#pragma once

#include <CLI/CLI.hpp>

void register_info(CLI::App& app);
void register_arith(CLI::App& app);
void register_explain(CLI::App& app);
void register_run(CLI::App& app);
void register_check(CLI::App& app);
void register_upscale(CLI::App& app);
