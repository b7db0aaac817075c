// What a practitioner wants to be warned about.
#pragma once

#include <string>
#include <vector>

#include "tools/arith/layer.hpp"

namespace tools::arith {

struct Warning {
  const char* code;  // for programs: uneven_overlap, gaps, padding_beyond_kernel, empty_output_padding, ...
  int axis;
  std::string message;
};

std::vector<Warning> warnings_of(const Layer& layer);

}  // namespace tools::arith
