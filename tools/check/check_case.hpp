// One ONNX test case: run in several variants, compared with its expected outputs.
#pragma once

#include <string>
#include <vector>

#include "tconv/conv_transpose.hpp"
#include "tools/support/parallel_for.hpp"

namespace tools::check {

// A way to run a case.
struct Variant {
  tconv::Options options;
  tconv::Layout layout = tconv::Layout::nchw;
  bool fuse = true;

  std::string name() const;  // "avx2 nhwc"
};

struct Tolerance {
  double relative = 1e-3;
  double absolute = -1;  // below zero: the larger of 1e-7 and the derived rounding bound
};

struct Outcome {
  bool passed = false;
  std::string summary;               // one line: figures, or what went wrong
  std::vector<std::string> details;  // a line for every data set and variant
};

// Never throws for anything that is wrong with the case: that is a failed outcome.
Outcome check_case(const std::string& folder, const std::vector<Variant>& variants, const Tolerance& tolerance, ThreadPool* pool);

}  // namespace tools::check
