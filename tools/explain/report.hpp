// What is said about one layer: sizes, phases, plan, work.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tconv/conv_transpose.hpp"

namespace tools::explain {

// `threads`: for which the workspace is asked.
std::string layer_text(const tconv::ConvTranspose& op, int threads);
nlohmann::ordered_json layer_json(const tconv::ConvTranspose& op, int threads);

}  // namespace tools::explain
