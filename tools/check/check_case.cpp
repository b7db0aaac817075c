#include "tools/check/check_case.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <optional>

#include "tools/check/cases.hpp"
#include "tools/graph/bind_inputs.hpp"
#include "tools/graph/compile.hpp"
#include "tools/onnx/loader.hpp"
#include "tools/support/error.hpp"
#include "tools/support/text.hpp"

namespace tools::check {
namespace {

// What the comparison of one or more tensors came to.
struct Difference {
  double largest = 0;        // |actual - expected|
  double largest_share = 0;  // of the tolerance
  int64_t elements = 0;
};

std::string position(int64_t flat, const std::vector<int64_t>& shape) {
  std::vector<int64_t> index(shape.size());
  for (size_t a = shape.size(); a-- > 0;) {
    index[a] = flat % shape[a];
    flat /= shape[a];
  }
  return fmt::format("[{}]", fmt::join(index, ","));
}

void compare(const std::string& name, const graph::Value& actual, const Tensor& expected, const Tolerance& tolerance,
             Difference* total) {
  if (actual.tensor.shape != expected.shape) {
    throw Error(ExitCode::check_failed, fmt::format("output '{}' has shape {}, expected {}", name,
                                                    format_shape(actual.tensor.shape), format_shape(expected.shape)));
  }
  const double stored = 4 * unit_roundoff(expected.stored);
  const double relative = std::max(tolerance.relative, expected.stored == ElementType::f32 ? 0.0 : stored);
  int64_t wrong = 0;
  double worst_share = -1;
  std::string worst;
  for (size_t i = 0; i < expected.data.size(); ++i) {
    const double a = static_cast<double>(actual.tensor.data[i]);
    const double e = static_cast<double>(expected.data[i]);
    if (a == e || (std::isnan(a) && std::isnan(e))) continue;
    const double bound = actual.error.empty() ? 0.0 : static_cast<double>(actual.error[i]);
    double allowed = tolerance.absolute >= 0 ? tolerance.absolute : std::max(1e-7, std::isfinite(bound) ? bound : 0.0);
    if (std::isfinite(e)) allowed += relative * std::fabs(e);
    const double difference = std::fabs(a - e);
    const double share = std::isfinite(difference) && allowed > 0 ? difference / allowed : HUGE_VAL;
    if (std::isfinite(difference)) total->largest = std::max(total->largest, difference);
    total->largest_share = std::max(total->largest_share, share);
    if (!(share <= 1)) {
      ++wrong;
      if (share > worst_share) {
        worst_share = share;
        worst = fmt::format("{} is {:.9g}, expected {:.9g} (tolerance {:.3g})", position(static_cast<int64_t>(i), expected.shape),
                            a, e, allowed);
      }
    }
  }
  total->elements += static_cast<int64_t>(expected.data.size());
  if (wrong > 0) {
    throw Error(ExitCode::check_failed,
                fmt::format("output '{}': {} of {} elements differ; worst: {}", name, wrong, expected.data.size(), worst));
  }
}

// One data set, read once for all variants.
struct DataSet {
  std::string name;
  std::vector<graph::NamedTensor> inputs;
  std::vector<Tensor> outputs;
};

DataSet read_data_set(const std::string& path, const onnx::Model& model) {
  DataSet set;
  set.name = path.substr(path.find_last_of('/') + 1);
  for (const std::string& file : find_tensors(path, "input")) {
    graph::NamedTensor tensor;
    tensor.tensor = onnx::load_tensor(file, &tensor.name);
    set.inputs.push_back(std::move(tensor));
  }
  for (const std::string& file : find_tensors(path, "output")) set.outputs.push_back(onnx::load_tensor(file));
  if (set.outputs.size() != model.outputs.size()) {
    throw Error(ExitCode::check_failed,
                fmt::format("{}: {} output_*.pb, the model has {} outputs", set.name, set.outputs.size(), model.outputs.size()));
  }
  return set;
}

Difference run_variant(const onnx::Model& model, const DataSet& set, const Variant& variant, const Tolerance& tolerance,
                       ThreadPool* pool) {
  graph::CompileOptions options;
  options.operator_options = variant.options;
  options.layout = variant.layout;
  options.fuse = variant.fuse;
  options.track_error = tolerance.absolute < 0;
  graph::Program program = graph::compile(model, graph::bind_inputs(model, set.inputs), options);
  program.run(*pool, options.track_error);
  Difference difference;
  for (size_t i = 0; i < set.outputs.size(); ++i) {
    compare(model.outputs[i].name, program.output(i), set.outputs[i], tolerance, &difference);
  }
  return difference;
}

}  // namespace

std::string Variant::name() const {
  return fmt::format("{} {}", tconv::target_name(options.target), layout == tconv::Layout::nhwc ? "nhwc" : "nchw");
}

Outcome check_case(const std::string& folder, const std::vector<Variant>& variants, const Tolerance& tolerance, ThreadPool* pool) {
  Outcome outcome;
  std::string where;
  try {
    const onnx::Model model = onnx::load_model(folder + "/model.onnx");
    const std::vector<std::string> paths = find_data_sets(folder);
    if (paths.empty()) throw Error(ExitCode::check_failed, "no test_data_set_*");
    Difference worst;
    for (const std::string& path : paths) {
      where = path.substr(path.find_last_of('/') + 1) + ": ";
      const DataSet set = read_data_set(path, model);
      for (const Variant& variant : variants) {
        where = fmt::format("{}, {}: ", set.name, variant.name());
        const Difference difference = run_variant(model, set, variant, tolerance, pool);
        worst.largest = std::max(worst.largest, difference.largest);
        worst.largest_share = std::max(worst.largest_share, difference.largest_share);
        worst.elements += difference.elements;
        outcome.details.push_back(fmt::format("{}largest difference {:.3g}, {:.2g} of the tolerance", where, difference.largest,
                                              difference.largest_share));
      }
    }
    outcome.passed = true;
    outcome.summary = fmt::format("{} elements, largest difference {:.3g}, {:.2g} of the tolerance", worst.elements, worst.largest,
                                  worst.largest_share);
  } catch (const std::exception& e) {
    outcome.passed = false;
    outcome.summary = where + e.what();
    outcome.details.push_back(outcome.summary);
  }
  return outcome;
}

}  // namespace tools::check
