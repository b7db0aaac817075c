// Which tensor belongs to which graph input.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tools/onnx/model.hpp"

namespace tools::graph {

struct NamedTensor {
  std::string name;  // may be empty, or not the name of an input
  Tensor tensor;
};

// Tensors whose names are those of graph inputs go there. The others fill what is left in the model's order: all inputs when
// there are enough tensors for that, else those without an initializer (older models list their weights as inputs too).
// Throws Error(bad_input) when there are more tensors than inputs.
std::map<std::string, Tensor> bind_inputs(const onnx::Model& model, std::vector<NamedTensor> tensors);

}  // namespace tools::graph
