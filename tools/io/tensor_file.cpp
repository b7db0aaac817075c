#include "tools/io/tensor_file.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <memory>

#include "tools/io/npy.hpp"
#include "tools/onnx/loader.hpp"
#include "tools/support/error.hpp"

namespace tools {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool begins_like_npy(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  char lead[6] = {};
  return file != nullptr && std::fread(lead, 1, sizeof lead, file.get()) == sizeof lead && std::memcmp(lead, "\x93NUMPY", 6) == 0;
}

}  // namespace

Tensor read_tensor(const std::string& path, std::string* name) {
  name->clear();
  // A file called .npy is read as such whatever it holds, so that the message speaks of what its owner thinks it is.
  if (ends_with(path, ".npy") || begins_like_npy(path)) return read_npy(path);
  return onnx::load_tensor(path, name);
}

void require_tensor_ending(const std::string& path) {
  if (ends_with(path, ".npy") || ends_with(path, ".pb")) return;
  throw Error(ExitCode::bad_command_line, fmt::format("{}: the name of a tensor file must end in .npy or .pb", path));
}

void write_tensor(const std::string& path, const std::string& name, const Tensor& tensor) {
  if (ends_with(path, ".pb")) {
    onnx::save_tensor(path, name, tensor);
  } else {
    write_npy(path, tensor);
  }
}

}  // namespace tools
