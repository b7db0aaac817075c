#include "tools/upscale/built_in.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/onnx/loader.hpp"
#include "tools/support/error.hpp"
#include "tools/upscale/network.hpp"

namespace tools::upscale {
namespace {

struct BuiltIn {
  std::string name;  // "fsrcnn-small" of the file fsrcnn_x2_small
  int scale = 0;
};

BuiltIn parse_name(const std::string& file) {
  const size_t at = file.find("_x");
  std::string suffix = file.substr(at + 3);
  for (char& c : suffix) c = c == '_' ? '-' : c;
  return {file.substr(0, at) + suffix, file[at + 2] - '0'};
}

std::map<std::string, std::set<int>> names_and_scales() {
  std::map<std::string, std::set<int>> result;
  for (size_t i = 0; i < embedded_network_count; ++i) {
    const BuiltIn network = parse_name(embedded_networks[i].name);
    result[network.name].insert(network.scale);
  }
  return result;
}

std::string join(const std::set<int>& scales) {
  std::string text;
  for (int scale : scales) text += (text.empty() ? "" : ", ") + std::to_string(scale);
  return text;
}

}  // namespace

std::string built_in_networks() {
  std::string text;
  for (const auto& [name, scales] : names_and_scales()) {
    text += fmt::format("{}{} (scale {})", text.empty() ? "" : ", ", name, join(scales));
  }
  return text;
}

onnx::Model load_network(const std::string& name, int scale) {
  const std::map<std::string, std::set<int>> known = names_and_scales();
  const auto found = known.find(name);
  if (found == known.end()) {
    // A name without a dot or a slash is hardly a path: say what there is.
    if (name.find_first_of("./") == std::string::npos) {
      throw Error(ExitCode::bad_input,
                  fmt::format("--model {}: neither a path to an .onnx file nor one of {}", name, built_in_networks()));
    }
    return onnx::load_model(name);
  }
  for (size_t i = 0; i < embedded_network_count; ++i) {
    const EmbeddedFile& file = embedded_networks[i];
    const BuiltIn network = parse_name(file.name);
    if (network.name == name && network.scale == scale) {
      return onnx::read_model(name, std::vector<uint8_t>(file.bytes, file.bytes + file.size));
    }
  }
  throw Error(ExitCode::bad_input, fmt::format("--scale {}: the network {} is there for scale {} alone; --filter takes 2 to 8",
                                               scale, name, join(found->second)));
}

}  // namespace tools::upscale
