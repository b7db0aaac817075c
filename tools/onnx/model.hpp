// An ONNX model as this program needs it, freed from protocol buffers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "tools/onnx/tensor.hpp"

namespace tools::onnx {

// A tensor of INT64, as Constant may hold, becomes a list of integers.
using AttributeValue = std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>, Tensor>;

struct Node {
  std::string op;  // with the domain before it ("com.example::Op") unless that is ONNX's own
  std::string name;
  std::vector<std::string> inputs;  // "" stands for an optional input left out
  std::vector<std::string> outputs;
  std::map<std::string, AttributeValue> attributes;
  std::map<std::string, std::string> refused_attributes;  // those of a type or value not read, with the reason

  // "node 3 'up1' (ConvTranspose)", for messages.
  std::string label;
};

// A graph input or output as declared.
struct ValueInfo {
  std::string name;
  bool has_shape = false;
  std::vector<int64_t> shape;          // -1: dynamic
  std::vector<std::string> dim_names;  // of dynamic dimensions; may be ""
  std::string refused;                 // why a tensor of this type cannot be used; empty when it can
};

struct Model {
  int64_t ir_version = 0;
  int64_t opset = 0;  // of ONNX's own domain
  std::vector<Node> nodes;
  std::map<std::string, Tensor> initializers;
  std::map<std::string, std::string> refused_initializers;  // name and reason; an error only when a node uses one
  std::map<std::string, std::vector<int64_t>> integers;     // short initializers of INT64: parameters such as Pad's
  std::vector<ValueInfo> inputs;                            // initializers that the model also lists as inputs included
  std::vector<ValueInfo> outputs;
};

}  // namespace tools::onnx
