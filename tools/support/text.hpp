// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tools {

std::string format_bytes(int64_t bytes);     // "1.50 MiB"
std::string format_count(double count);      // "1.23 G"
std::string format_seconds(double seconds);  // "1.23 ms"
// "1x3x12x15"; "scalar" for an empty shape.
std::string format_shape(const std::vector<int64_t>& shape);

}  // namespace tools
