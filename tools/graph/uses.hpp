// Who reads which value.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "tools/onnx/model.hpp"

namespace tools::graph {

class Uses {
 public:
  explicit Uses(const onnx::Model& model) {
    for (const onnx::ValueInfo& output : model.outputs) outputs_.insert(output.name);
    for (size_t n = 0; n < model.nodes.size(); ++n) {
      for (const std::string& input : model.nodes[n].inputs) {
        if (!input.empty()) readers_.emplace(input, n);
      }
    }
  }

  // The node that alone reads `value`, once; nothing when there are more readers or none, or the value is a graph output.
  std::optional<size_t> only_reader(const std::string& value) const {
    if (outputs_.count(value) > 0 || readers_.count(value) != 1) return std::nullopt;
    return readers_.find(value)->second;
  }

 private:
  std::set<std::string> outputs_;
  std::multimap<std::string, size_t> readers_;
};

}  // namespace tools::graph
