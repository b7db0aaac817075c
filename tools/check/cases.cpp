#include "tools/check/cases.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "tools/support/error.hpp"

namespace tools::check {
namespace {

namespace fs = std::filesystem;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool matches(const std::string& path, const std::string& filter) {
  if (filter.find_first_of("*?") == std::string::npos) return lower(path).find(lower(filter)) != std::string::npos;
  return fnmatch(lower(filter).c_str(), lower(path).c_str(), 0) == 0;
}

// Numbers within names count as numbers: test_data_set_2 before test_data_set_10.
bool natural_less(const std::string& a, const std::string& b) {
  const auto digits = [](const std::string& s, size_t at) {
    size_t end = at;
    while (end < s.size() && std::isdigit(static_cast<unsigned char>(s[end]))) ++end;
    return end;
  };
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    const size_t end_a = digits(a, i);
    const size_t end_b = digits(b, j);
    if (end_a > i && end_b > j) {
      const std::string left = a.substr(i, end_a - i);
      const std::string right = b.substr(j, end_b - j);
      if (left.size() != right.size()) return left.size() < right.size();
      if (left != right) return left < right;
      i = end_a;
      j = end_b;
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

}  // namespace

std::vector<std::string> find_cases(const std::string& folder, const std::string& filter) {
  std::error_code error;
  if (!fs::exists(folder, error)) throw Error(ExitCode::bad_input, fmt::format("{}: no such folder", folder));
  if (!fs::is_directory(folder, error)) throw Error(ExitCode::bad_input, fmt::format("{}: is not a folder", folder));
  std::vector<std::string> cases;
  const auto consider = [&](const fs::path& path) {
    std::error_code ignored;
    if (fs::exists(path / "model.onnx", ignored) && matches(path.string(), filter)) cases.push_back(path.string());
  };
  consider(fs::path(folder));
  for (fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error), end; at != end;
       at.increment(error)) {
    if (error) break;
    if (at->is_directory(error)) consider(at->path());
  }
  if (error) throw Error(ExitCode::bad_input, fmt::format("{}: {}", folder, error.message()));
  std::sort(cases.begin(), cases.end(), natural_less);
  return cases;
}

std::vector<std::string> find_data_sets(const std::string& folder) {
  std::vector<std::string> sets;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && entry.path().filename().string().rfind("test_data_set_", 0) == 0)
      sets.push_back(entry.path().string());
  }
  std::sort(sets.begin(), sets.end(), natural_less);
  return sets;
}

std::vector<std::string> find_tensors(const std::string& data_set, const std::string& kind) {
  std::vector<std::string> paths;
  for (int i = 0;; ++i) {
    const fs::path path = fs::path(data_set) / fmt::format("{}_{}.pb", kind, i);
    std::error_code error;
    if (!fs::exists(path, error)) return paths;
    paths.push_back(path.string());
  }
}

}  // namespace tools::check
