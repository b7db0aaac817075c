// Reads ONNX files. Nothing is allocated on the word of a size field: dimensions are compared with the data present first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/onnx/model.hpp"

namespace tools::onnx {

// Throws Error(bad_input) naming the file and what is wrong with it.
Model load_model(const std::string& path);
// The same for a file's content that is in memory; `name` stands for the file in messages.
Model read_model(const std::string& name, const std::vector<uint8_t>& bytes);

// A TensorProto file (.pb). `name` receives the tensor's name, which may be empty.
Tensor load_tensor(const std::string& path, std::string* name = nullptr);

// Writes a float TensorProto. Throws Error(cannot_write).
void save_tensor(const std::string& path, const std::string& name, const Tensor& tensor);

}  // namespace tools::onnx
