// What it costs planar algorithms that the channels of a group lie apart from those of its next pixel (NHWC).
#pragma once

#include "layer.hpp"

namespace tconv {

inline double pixels_apart_cycles(const Layer& layer) {
  constexpr double pixel = 5;  // an output pixel of a group, measured
  const Description& d = layer.description;
  if (d.layout != Layout::nhwc || d.groups == 1) return 0;
  return pixel * static_cast<double>(layer.geometry.output_elements) / static_cast<double>(layer.out_per_group);
}

}  // namespace tconv
