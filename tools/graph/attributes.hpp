// Strict reading of a node's attributes: wrong types and attributes that nobody asked for are errors, never ignored.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tools/onnx/model.hpp"

namespace tools::graph {

// Throws Error(bad_input) "node 3 'up1' (ConvTranspose): why".
[[noreturn]] void fail(const onnx::Node& node, const std::string& why);

class Attributes {
 public:
  explicit Attributes(const onnx::Node& node) : node_(node) {}

  bool has(const std::string& name) const;
  int64_t integer(const std::string& name, int64_t fallback);
  float real(const std::string& name, float fallback);
  std::string text(const std::string& name, const std::string& fallback);
  // `size` values; all `fallback` when the attribute is absent. With size = 0 any number is taken.
  std::vector<int64_t> integers(const std::string& name, size_t size, int64_t fallback);
  // Marks an attribute that has no effect here as known.
  void ignore(const std::string& name) { known_.insert(name); }

  // To be called last: refuses what was not asked for.
  void finish() const;

 private:
  template <typename T>
  const T* find(const std::string& name, const char* type);

  const onnx::Node& node_;
  std::set<std::string> known_;
};

}  // namespace tools::graph
