// A model made ready to run: values, and the steps that compute them in order. Built by compile() (compile.hpp).
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tconv/conv_transpose.hpp"
#include "tools/graph/buffers.hpp"
#include "tools/onnx/tensor.hpp"
#include "tools/support/parallel_for.hpp"
#include "tools/support/progress.hpp"

namespace tools::graph {

// One tensor of the graph.
struct Value {
  std::string name;
  Tensor tensor;       // shape always; data while known: count() elements, and maybe more behind them in a shared buffer
  bool known = false;  // data are there before the first step: constants and bound inputs

  // With error tracking: a bound, per element, on how far two correct float evaluations may lie apart. Empty means zero.
  std::vector<float> error;

  size_t count() const;
};

// Cells along an axis, from first to last; may lie outside of the tensor.
struct Interval {
  int64_t first;
  int64_t last;
};

// What steps need while they run.
struct Context {
  std::deque<Value>& values;
  tconv::Parallelism parallelism;
  bool track_error = false;
  std::byte* workspace = nullptr;
  size_t workspace_bytes = 0;
};

class Step {
 public:
  Step(std::string label, size_t output) : label_(std::move(label)), output_(output) {}
  virtual ~Step() = default;
  virtual void run(Context& context) const = 0;
  virtual size_t workspace_bytes(size_t) const { return 0; }
  // The values it reads that other steps may have computed.
  virtual std::vector<size_t> inputs() const = 0;
  // The cells along `axis` (0: the second to last dimension, 1: the last) of its inputs that these cells of its output depend on.
  virtual Interval sources(int, Interval outputs) const { return outputs; }
  // The operator behind the step, if there is one.
  virtual const tconv::ConvTranspose* op() const { return nullptr; }

  // "node 0 (ConvTranspose) + node 1 (Relu)".
  const std::string& label() const { return label_; }
  size_t output() const { return output_; }

 private:
  std::string label_;
  size_t output_;
};

class Program {
 public:
  Program() = default;

  // `progress`, if any, advances by one per step.
  void run(ThreadPool& pool, bool track_error = false, Progress* progress = nullptr);

  const std::vector<std::unique_ptr<Step>>& steps() const { return steps_; }
  const Value& value(size_t index) const { return values_[index]; }
  // The value of that name; nothing when there is none.
  std::optional<size_t> find(const std::string& name) const;
  // Graph outputs in the model's order. Valid after run().
  size_t output_count() const { return outputs_.size(); }
  const Value& output(size_t index) const { return values_[outputs_[index]]; }
  size_t output_index(size_t index) const { return outputs_[index]; }
  // Where the data of a graph input may be replaced between runs, keeping its shape.
  std::vector<float>& input_data(size_t index) { return values_[index].tensor.data; }
  // Bytes of all tensors that run() computes, and what they would take if none shared memory with another.
  int64_t computed_bytes() const { return computed_bytes_; }
  int64_t unshared_bytes() const { return unshared_bytes_; }
  // Elements of the shared buffers.
  const std::vector<size_t>& buffers() const { return buffers_.counts; }
  // Seconds that each step has taken so far, all runs together.
  const std::vector<double>& step_seconds() const { return step_seconds_; }

 private:
  friend class Compiler;
  std::deque<Value> values_;  // steps hold indices
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<size_t> outputs_;
  int64_t computed_bytes_ = 0;
  int64_t unshared_bytes_ = 0;
  BufferPlan buffers_;
  std::vector<std::vector<float>> buffer_memory_;
  std::vector<double> step_seconds_;
  std::unique_ptr<std::byte[]> workspace_memory_;
  size_t workspace_bytes_ = 0;
};

}  // namespace tools::graph
