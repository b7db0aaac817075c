// What is said about one layer: sizes, phases, plan, work.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tconv/conv_transpose.hpp"

namespace tools::explain {

// The variant of each candidate of the plan; empty where an algorithm has none. `options`: of the operator.
std::vector<std::string> candidate_variants(const tconv::ConvTranspose& op, const tconv::Options& options, int64_t memory_limit);

// `threads`: for which the workspace is asked.
std::string layer_text(const tconv::ConvTranspose& op, const std::vector<std::string>& variants, int threads);
nlohmann::ordered_json layer_json(const tconv::ConvTranspose& op, const std::vector<std::string>& variants, int threads);

}  // namespace tools::explain
