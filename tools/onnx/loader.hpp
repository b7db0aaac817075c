// Reads ONNX files. Nothing is allocated on the word of a size field: dimensions are compared with the data present first.
#pragma once

#include <string>

#include "tools/onnx/model.hpp"

namespace tools::onnx {

// Throws Error(bad_input) naming the file and what is wrong with it.
Model load_model(const std::string& path);

// A TensorProto file (.pb). `name` receives the tensor's name, which may be empty.
Tensor load_tensor(const std::string& path, std::string* name = nullptr);

// Writes a float TensorProto. Throws Error(cannot_write).
void save_tensor(const std::string& path, const std::string& name, const Tensor& tensor);

}  // namespace tools::onnx
