// Pictures of one axis: scatter, zero insertion, phases, the matrix and its transpose, and the overlap on two axes alike.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tconv/geometry.hpp"

namespace tools::arith {

// One panel: the inside of an <svg>, its size in pixels, and its text alternative.
struct Panel {
  std::string title;
  std::string description;
  std::string body;
  int64_t width = 0;
  int64_t height = 0;
};

// What still reads on a screen. Throws Error(bad_input) saying which size is too large, or that there is no output `at`.
constexpr int64_t max_picture_size = 16;     // input, kernel, stride
constexpr int64_t max_picture_outputs = 64;  // uncropped
void require_drawable(const tconv::Axis& axis, int64_t at);

// The five panels of a valid, drawable axis, with output `at` and all that goes into it highlighted.
std::vector<Panel> draw_panels(const tconv::Axis& axis, int64_t at);

// All panels below each other in one static SVG, readable on light and dark ground.
std::string to_svg(const tconv::Axis& axis, int64_t at);

}  // namespace tools::arith
