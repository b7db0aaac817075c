#include "tools/graph/bind_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tools/support/error.hpp"

namespace tools::graph {

std::map<std::string, Tensor> bind_inputs(const onnx::Model& model, std::vector<NamedTensor> tensors) {
  std::map<std::string, Tensor> bound;
  const auto is_input = [&](const std::string& name) {
    return std::any_of(model.inputs.begin(), model.inputs.end(), [&](const onnx::ValueInfo& info) { return info.name == name; });
  };
  const bool enough_for_all = tensors.size() >= model.inputs.size();
  std::vector<Tensor> unnamed;
  for (NamedTensor& given : tensors) {
    if (given.name.empty() || !is_input(given.name)) {
      unnamed.push_back(std::move(given.tensor));
    } else if (!bound.emplace(given.name, std::move(given.tensor)).second) {
      throw Error(ExitCode::bad_input, fmt::format("graph input '{}' is given twice", given.name));
    }
  }
  auto next = unnamed.begin();
  for (const onnx::ValueInfo& info : model.inputs) {
    if (next == unnamed.end()) break;
    const bool has_default = model.initializers.count(info.name) + model.refused_initializers.count(info.name) > 0;
    if (bound.count(info.name) > 0 || (has_default && !enough_for_all)) continue;
    bound.emplace(info.name, std::move(*next++));
  }
  if (next != unnamed.end()) {
    throw Error(ExitCode::bad_input, fmt::format("{} tensors are given, the model takes {}", tensors.size(), bound.size()));
  }
  return bound;
}

}  // namespace tools::graph
