#include "tools/explain/model_layers.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tools/onnx/loader.hpp"
#include "tools/support/error.hpp"
#include "tools/support/options.hpp"
#include "tools/support/text.hpp"

namespace tools::explain {
namespace {

// Values that any parameter may have: variances must be positive, so ones.
Tensor stand_in(const std::string& name, const std::vector<int64_t>& shape, int64_t memory_limit) {
  const std::optional<int64_t> count = element_count(shape);
  if (!count || *count > memory_limit / static_cast<int64_t>(sizeof(float))) {
    throw Error(ExitCode::bad_input,
                fmt::format("graph input '{}' of shape {} does not fit in the memory limit of {} (--memory-limit)", name,
                            format_shape(shape), format_bytes(memory_limit)));
  }
  Tensor tensor;
  tensor.shape = shape;
  tensor.data.assign(static_cast<size_t>(*count), 1.0f);
  return tensor;
}

}  // namespace

graph::Program prepare_model(const std::string& path, const std::vector<std::string>& shapes, const tconv::Options& options,
                             tconv::Layout layout, int64_t memory_limit) {
  const onnx::Model model = onnx::load_model(path);
  std::map<std::string, std::vector<int64_t>> named;
  std::vector<std::vector<int64_t>> in_order;
  for (const std::string& text : shapes) {
    const size_t equals = text.rfind('=');
    const std::string sizes = equals == std::string::npos ? text : text.substr(equals + 1);
    const std::vector<int64_t> shape = parse_integers(sizes, "--input-shape");
    if (equals == std::string::npos) {
      in_order.push_back(shape);
    } else {
      named[text.substr(0, equals)] = shape;
    }
  }
  std::map<std::string, Tensor> inputs;
  auto next = in_order.begin();
  for (const onnx::ValueInfo& info : model.inputs) {
    if (model.initializers.count(info.name) + model.refused_initializers.count(info.name) > 0) continue;
    std::vector<int64_t> shape = info.shape;
    if (auto given = named.extract(info.name); !given.empty()) {
      shape = given.mapped();
    } else if (next != in_order.end()) {
      shape = *next++;
    }
    if (!info.has_shape && shape.empty()) {
      throw Error(ExitCode::bad_input,
                  fmt::format("{}: graph input '{}' has no shape: give --input-shape {}=N,C,...", path, info.name, info.name));
    }
    if (std::any_of(shape.begin(), shape.end(), [](int64_t size) { return size < 0; })) {
      throw Error(ExitCode::bad_input,
                  fmt::format("{}: graph input '{}' has dynamic sizes: give --input-shape {}=N,C,...", path, info.name, info.name));
    }
    inputs[info.name] = stand_in(info.name, shape, memory_limit);
  }
  if (!named.empty()) throw Error(ExitCode::bad_input, fmt::format("{}: the model has no input '{}'", path, named.begin()->first));
  if (next != in_order.end())
    throw Error(ExitCode::bad_input, fmt::format("{}: --input-shape is given for more inputs than there are", path));
  graph::CompileOptions compile;
  compile.operator_options = options;
  compile.layout = layout;
  compile.memory_limit = memory_limit;
  try {
    return graph::compile(model, std::move(inputs), compile);
  } catch (const Error& e) {
    throw Error(e.code(), fmt::format("{}: {}", path, e.what()));
  }
}

}  // namespace tools::explain
