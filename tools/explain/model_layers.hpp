// A model made ready to be explained: its inputs have shapes, but no values that matter.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/graph/compile.hpp"

namespace tools::explain {

// `shapes`: "[NAME=]N,C,..." for inputs with dynamic sizes, in the model's order; sizes that the model gives may be left out.
// Throws Error(bad_input) when a shape is missing or does not fit.
graph::Program prepare_model(const std::string& path, const std::vector<std::string>& shapes, const tconv::Options& options,
                             tconv::Layout layout, int64_t memory_limit);

}  // namespace tools::explain
