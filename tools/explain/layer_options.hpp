// A layer given on the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "tconv/conv_transpose.hpp"

namespace tools::explain {

struct LayerOptions {
  int64_t batch = 1;
  int64_t in_channels = 1;
  int64_t out_channels = 1;
  int64_t groups = 1;
  std::string in;
  std::string kernel;
  std::string stride = "1";
  std::string dilation = "1";
  std::string pad = "0";
  std::string pad_end;
  std::string output_padding = "0";
  std::string output_shape;
  std::string auto_pad = "notset";
  std::string layout = "nchw";
};

void add_layer_options(CLI::App* verb, LayerOptions* options);

// Throws Error(bad_command_line) for values that cannot be read; what no layer can have is refused by the library later.
tconv::Description description(const LayerOptions& options);

// The operator with weights that do not matter (zeros). Throws Error(bad_input) with the library's reason, or when the weights
// exceed `memory_limit` bytes.
tconv::ConvTranspose create_layer(const tconv::Description& description, const tconv::Options& options, int64_t memory_limit);

}  // namespace tools::explain
