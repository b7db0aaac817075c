// A layer's arithmetic for programs.
#pragma once

#include <nlohmann/json.hpp>

#include "tools/arith/layer.hpp"

namespace tools::arith {

// Keys: rank; input, kernel, stride, dilation, pad_begin, pad_end, output_padding, output_size (one number per axis);
// equivalent_convolution (one object per axis); phases (per axis a list, at most max_listed_phases of them; then phases_listed and
// phases_total say so); multiplications (of one pair of channels; channel_pairs says how many there are); guide_relationship (0:
// none); convolution (the ordinary one per axis); warnings.
constexpr int64_t max_listed_phases = 4096;
nlohmann::ordered_json to_json(const Layer& layer);

// The numbers of one axis alone.
nlohmann::ordered_json to_json(const tconv::Axis& axis);

}  // namespace tools::arith
