#include "tools/graph/program.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace tools::graph {

size_t Value::count() const { return static_cast<size_t>(element_count(tensor.shape).value_or(0)); }

std::optional<size_t> Program::find(const std::string& name) const {
  for (size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].name == name) return i;
  }
  return std::nullopt;
}

void Program::run(ThreadPool& pool, bool track_error, Progress* progress) {
  constexpr size_t alignment = tconv::ConvTranspose::workspace_alignment;
  size_t wanted = 0;
  for (const auto& step : steps_) {
    wanted = std::max(wanted, step->workspace_bytes(static_cast<size_t>(pool.threads())));
  }
  if (wanted > workspace_bytes_) {
    workspace_memory_ = std::make_unique<std::byte[]>(wanted + alignment);
    workspace_bytes_ = wanted;
  }
  std::byte* const memory = workspace_memory_.get();
  const size_t misaligned = reinterpret_cast<uintptr_t>(memory) % alignment;
  Context context{values_, pool.parallelism(), track_error, misaligned == 0 ? memory : memory + (alignment - misaligned),
                  workspace_bytes_};
  buffer_memory_.resize(buffers_.counts.size());
  step_seconds_.resize(steps_.size());
  for (size_t t = 0; t < steps_.size(); ++t) {
    const Step& step = *steps_[t];
    Value& output = values_[step.output()];
    const size_t buffer = buffers_.buffer_of[step.output()];
    size_t count = output.count();
    if (buffer != BufferPlan::own) {
      output.tensor.data = std::move(buffer_memory_[buffer]);
      count = buffers_.counts[buffer];
    }
    if (output.tensor.data.size() != count) output.tensor.data.resize(count);
    const auto start = std::chrono::steady_clock::now();
    step.run(context);
    step_seconds_[t] += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (size_t v : buffers_.release[t]) buffer_memory_[buffers_.buffer_of[v]] = std::move(values_[v].tensor.data);
    if (progress != nullptr) progress->advance();
  }
}

}  // namespace tools::graph
