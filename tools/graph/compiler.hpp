// The state of a compilation, shared by compile.cpp (one node after the other) and fusion.cpp (what follows a node).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/graph/compile.hpp"
#include "tools/graph/operators.hpp"
#include "tools/graph/steps.hpp"
#include "tools/graph/uses.hpp"

namespace tools::graph {

// An operator in the making, with the nodes fused into it so far.
struct Chain {
  Layer layer;
  Shape shape;  // of the result
  std::string label;
  std::string result;  // name of the value that the last fused node produces
  size_t input = 0;
  std::optional<size_t> residual;
};

class Compiler {
 public:
  Compiler(const onnx::Model& model, std::map<std::string, Tensor> inputs, const CompileOptions& options);
  Program compile();

 private:
  void bind_inputs(std::map<std::string, Tensor> inputs);
  void check_bound(const onnx::ValueInfo& info, const Shape& shape);

  void compile_node(size_t n);
  void conv_transpose(const onnx::Node& node);
  void convolution(const onnx::Node& node);
  void pad(const onnx::Node& node);
  void batch_norm(const onnx::Node& node);
  void activation(const onnx::Node& node);
  void add(const onnx::Node& node);

  // The operator of `node` on value `input`, with what can be fused into it. `bias` may be null.
  void operator_node(const onnx::Node& node, size_t input, const tconv::Description& description, std::vector<float> weights,
                     const Tensor* bias);
  // Adds the step that pads value `input`; returns the padded value, named `result`.
  size_t add_pad(const std::string& label, const std::string& result, size_t input, const Padding& padding);
  // Adds to `chain` the nodes after it that the operator can do itself.
  void fuse_followers(Chain* chain);
  bool fuse(const onnx::Node& node, Chain* chain);
  void fold(const BatchNormSpec& norm, Chain* chain);
  // Whether an activation can be left to the ConvTranspose that alone reads it.
  bool defer_to_reader(const onnx::Node& node, const ActivationSpec& spec);

  // After the last step: which tensors share memory, and whether it all fits.
  void share_memory();
  // Makes the step of a finished chain.
  void finish(Chain chain);
  // A 1 x 1 operator on value `input`, whose channels are the elements of dimensions [first, last).
  Chain pointwise(const onnx::Node& node, size_t input, size_t first, size_t last) const;

  size_t add_value(const std::string& name, Tensor tensor, bool known);
  size_t add_computed(const std::string& name, const std::string& label, const Shape& shape);
  bool has_value(const std::string& name) const { return index_.count(name) > 0; }
  // Input `i` of a node; throws when it is missing or refused.
  size_t value_of(const onnx::Node& node, size_t i) const;
  // The same for parameters, whose values must be known now; nullptr where an optional one is left out.
  const Tensor* parameter(const onnx::Node& node, size_t i) const;
  std::vector<const Tensor*> parameters(const onnx::Node& node) const;
  // Input `i`, a list of integers.
  const std::vector<int64_t>& integers_of(const onnx::Node& node, size_t i) const;

  const onnx::Model& model_;
  const CompileOptions& options_;
  Uses uses_;
  Program program_;
  std::map<std::string, size_t> index_;                   // value name -> index in program_.values_
  std::map<std::string, std::vector<int64_t>> integers_;  // value name -> a constant list of integers
  std::map<std::string, int64_t> dims_;                   // named dynamic dimensions
  std::map<std::string, tconv::Activation> deferred_;     // activations that the reader applies to its input
  std::vector<bool> done_;                                // nodes fused into an earlier one
};

}  // namespace tools::graph
