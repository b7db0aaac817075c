#include "tools/graph/attributes.hpp"

#include <fmt/format.h>

#include "tools/support/error.hpp"

namespace tools::graph {

void fail(const onnx::Node& node, const std::string& why) {
  throw Error(ExitCode::bad_input, fmt::format("{}: {}", node.label, why));
}

bool Attributes::has(const std::string& name) const {
  return node_.attributes.count(name) + node_.refused_attributes.count(name) > 0;
}

template <typename T>
const T* Attributes::find(const std::string& name, const char* type) {
  known_.insert(name);
  if (const auto refused = node_.refused_attributes.find(name); refused != node_.refused_attributes.end()) {
    fail(node_, fmt::format("attribute {}: {}", name, refused->second));
  }
  const auto found = node_.attributes.find(name);
  if (found == node_.attributes.end()) return nullptr;
  const T* value = std::get_if<T>(&found->second);
  if (value == nullptr) fail(node_, fmt::format("attribute {}: must be {}", name, type));
  return value;
}

int64_t Attributes::integer(const std::string& name, int64_t fallback) {
  const int64_t* value = find<int64_t>(name, "an integer");
  return value != nullptr ? *value : fallback;
}

float Attributes::real(const std::string& name, float fallback) {
  const float* value = find<float>(name, "a float");
  return value != nullptr ? *value : fallback;
}

std::string Attributes::text(const std::string& name, const std::string& fallback) {
  const std::string* value = find<std::string>(name, "a string");
  return value != nullptr ? *value : fallback;
}

std::vector<int64_t> Attributes::integers(const std::string& name, size_t size, int64_t fallback) {
  const std::vector<int64_t>* values = find<std::vector<int64_t>>(name, "a list of integers");
  if (values == nullptr) return std::vector<int64_t>(size, fallback);
  if (size != 0 && values->size() != size) {
    fail(node_, fmt::format("attribute {}: has {} values, must have {}", name, values->size(), size));
  }
  return *values;
}

void Attributes::finish() const {
  for (const auto& [name, value] : node_.attributes) {
    if (known_.count(name) == 0) fail(node_, fmt::format("attribute {}: unknown", name));
  }
  for (const auto& [name, reason] : node_.refused_attributes) {
    if (known_.count(name) == 0) fail(node_, fmt::format("attribute {}: {}", name, reason));
  }
}

}  // namespace tools::graph
