// Tensors from and to files of either kind: .npy, or an ONNX TensorProto (.pb).
#pragma once

#include <string>

#include "tools/onnx/tensor.hpp"

namespace tools {

// The kind is told by the content. `name` receives the tensor's own name, empty when it has none.
Tensor read_tensor(const std::string& path, std::string* name);

// The kind is told by the ending (.npy or .pb). Throws Error(bad_command_line) for another ending.
void require_tensor_ending(const std::string& path);
void write_tensor(const std::string& path, const std::string& name, const Tensor& tensor);

}  // namespace tools
