// From a model and its inputs to a program: shapes are worked out, batch normalisations folded, additions and activations fused,
// memory is shared out.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tools/graph/program.hpp"
#include "tools/onnx/model.hpp"

namespace tools::graph {

struct CompileOptions {
  tconv::Options operator_options;
  tconv::Layout layout = tconv::Layout::nchw;  // nhwc: tensors are turned round before and after each operator
  bool fuse = true;
  bool track_error = false;
  int64_t memory_limit = int64_t{1000} << 20;  // bytes of all computed tensors together
  // > 0: algorithms are chosen as for this many cells along each axis, so that the arithmetic, and with it the last bit of the
  // result, does not depend on the size of the input.
  int64_t plan_size = 0;
};

// `inputs`: a tensor for every graph input (those with an initializer may be left out). Weights may come as inputs: then their
// values are those given here. Throws Error(bad_input) naming the node, the field and its value.
Program compile(const onnx::Model& model, std::map<std::string, Tensor> inputs, const CompileOptions& options);

}  // namespace tools::graph
