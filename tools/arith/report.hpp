// A layer's arithmetic for people.
#pragma once

#include <string>
#include <vector>

#include "tools/arith/layer.hpp"

namespace tools::arith {

// Sizes with their formula, the equivalent convolution, the phases, the multiplications, the spellings and the warnings.
std::string to_text(const Layer& layer);

// The layers of one axis that fit, numbered from 1; at most `limit` of them.
std::string fits_text(const std::vector<tconv::Axis>& fits, const std::string& name, int64_t limit);

}  // namespace tools::arith
