// ONNX test cases on disk.
#pragma once

#include <string>
#include <vector>

namespace tools::check {

// All folders at or below `folder` that hold a model.onnx, sorted. `filter`: empty for all; a part of the path in any case; or,
// with * or ?, a pattern of the whole path. Throws Error(bad_input) when `folder` is not a folder.
std::vector<std::string> find_cases(const std::string& folder, const std::string& filter);

// The folders test_data_set_* of a case, sorted.
std::vector<std::string> find_data_sets(const std::string& folder);

// input_0.pb, input_1.pb, ... as long as there is a next one (kind: "input" or "output").
std::vector<std::string> find_tensors(const std::string& data_set, const std::string& kind);

}  // namespace tools::check
