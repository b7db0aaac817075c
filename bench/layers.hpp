// The suite of real layers: one CSV file, one loader, for benches and tests.
//
// Columns (any order, names in the first line; further columns are ignored; RFC 4180 quotes are understood):
//   name, rank, batch, in_channels, out_channels, groups, bias (0 or 1), activation (free text), tier, source (free text), and for
//   each axis x in d, h, w: in_x, kernel_x, stride_x, pad_begin_x, pad_end_x, output_padding_x, dilation_x.
// Axes that the rank lacks must be trivial (sizes, strides and dilations 1, paddings 0).
#pragma once

#include <string>
#include <vector>

#include "tconv/description.hpp"

namespace tconv::bench {

struct Layer {
  std::string name;
  Description description;  // NCHW, f32, no activation: what peers can be compared on
  bool bias = false;
  std::string activation;  // as written in the file: "BN+relu", "LN+gelu", "none", ...
  int tier = 0;            // 2: the layers that matter most (--quick), 0: the least
  std::string source;      // which model, which file
  int line = 0;            // of the file, from 1
};

// Reads a suite. On an error returns false with one line "file:line:column: field = value: what is wrong"; *layers is then empty:
// a suite with one bad layer is not half-run. `column` counts characters from 1, as editors do.
bool load_layers(const std::string& path, std::vector<Layer>* layers, std::string* error);
// The same from text; `name` stands for the file in messages.
bool parse_layers(const std::string& text, const std::string& name, std::vector<Layer>* layers, std::string* error);

// The groups of the report that a layer belongs to: "tier 2", "dense k>s", "k==s", "few outputs", "depthwise", "1-D", "3-D".
std::vector<std::string> layer_groups(const Layer& layer);

// Useful floating-point operations of one run: 2 * N * Cin * D * H * W * Cout / groups * taps, as if nothing were cropped.
double useful_flops(const Layer& layer);
// Bytes that must move at least once: input, weights, bias and output.
double effective_bytes(const Layer& layer);

// A copy with smaller spatial sizes (and batch 1) so that one run does at most `multiplications`, as far as the sizes allow:
// channels, kernel, strides and paddings, which decide the algorithm, stay. For counting instructions in an emulator.
Layer shrink(const Layer& layer, int64_t multiplications);

// All layers as one JSON array, for the scripts: the file is parsed in one place only.
std::string layers_json(const std::vector<Layer>& layers);

}  // namespace tconv::bench
