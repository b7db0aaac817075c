// Words below the panels: a font of 5 x 7 dots, which covers what this program writes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace upscaler {

constexpr int64_t glyph_width = 6;  // with the gap
constexpr int64_t glyph_height = 7;

// Writes black text into an RGB picture of `width` pixels a row, each dot `dot` pixels wide and high. Characters without a glyph
// are left blank; what lies outside is cut off.
void draw_text(std::vector<uint16_t>* samples, int64_t width, int64_t left, int64_t top, int64_t dot, const std::string& text);

}  // namespace upscaler
