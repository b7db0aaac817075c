// Which computed tensors share memory: one buffer serves several whose lifetimes do not overlap. A plain chain of steps needs two,
// written and read in turn (ping-pong), however long it is.
#pragma once

#include <cstddef>
#include <vector>

namespace tools::graph {

struct Lifetime {
  size_t value = 0;  // index of the value that the step computes
  size_t count = 0;  // its elements
  std::vector<size_t> reads;
};

struct BufferPlan {
  static constexpr size_t own = static_cast<size_t>(-1);  // the value keeps memory of its own
  std::vector<size_t> buffer_of;                          // per value
  std::vector<size_t> counts;                             // elements of each buffer
  std::vector<std::vector<size_t>> release;               // per step: the values that nobody reads afterwards
};

// `steps` in order; `kept[v]`: value v must outlive the run, or is not computed by a step.
BufferPlan plan_buffers(const std::vector<Lifetime>& steps, const std::vector<bool>& kept);

}  // namespace tools::graph
