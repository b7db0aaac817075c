// NumPy's .npy files (format versions 1.0, 2.0, 3.0; NumPy Enhancement Proposal 1).
#pragma once

#include <string>

#include "tools/onnx/tensor.hpp"

namespace tools {

// Takes float32, float64 and float16 of either byte order, in C or Fortran order. Throws Error(bad_input) naming the file and
// the field of the header that is wrong; a shape that claims more than the file holds is refused before anything is allocated.
Tensor read_npy(const std::string& path);

// Writes little-endian float32 in C order, version 1.0. Throws Error(cannot_write).
void write_npy(const std::string& path, const Tensor& tensor);

}  // namespace tools
