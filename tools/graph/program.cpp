#include "tools/graph/program.hpp"

#include <algorithm>
#include <cstdint>

namespace tools::graph {

size_t Value::count() const { return static_cast<size_t>(element_count(tensor.shape).value_or(0)); }

void Program::run(ThreadPool& pool, bool track_error, Progress* progress) {
  constexpr size_t alignment = tconv::ConvTranspose::workspace_alignment;
  size_t wanted = 0;
  for (const auto& step : steps_) {
    wanted = std::max(wanted, step->workspace_bytes(static_cast<size_t>(pool.threads())));
    Value& value = values_[step->output()];
    value.tensor.data.resize(value.count());
  }
  if (wanted > workspace_bytes_) {
    workspace_memory_ = std::make_unique<std::byte[]>(wanted + alignment);
    workspace_bytes_ = wanted;
  }
  std::byte* const memory = workspace_memory_.get();
  const size_t misaligned = reinterpret_cast<uintptr_t>(memory) % alignment;
  Context context{values_, pool.parallelism(), track_error, misaligned == 0 ? memory : memory + (alignment - misaligned),
                  workspace_bytes_};
  for (const auto& step : steps_) {
    step->run(context);
    if (progress != nullptr) progress->advance();
  }
}

}  // namespace tools::graph
