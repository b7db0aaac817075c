#include "tools/graph/buffers.hpp"

#include <algorithm>

namespace tools::graph {

BufferPlan plan_buffers(const std::vector<Lifetime>& steps, const std::vector<bool>& kept) {
  BufferPlan plan;
  plan.buffer_of.assign(kept.size(), BufferPlan::own);
  plan.release.resize(steps.size());

  std::vector<size_t> last(kept.size());
  for (size_t t = 0; t < steps.size(); ++t) {
    last[steps[t].value] = t;
    for (size_t v : steps[t].reads) last[v] = t;
  }
  std::vector<size_t> free;
  for (size_t t = 0; t < steps.size(); ++t) {
    const Lifetime& step = steps[t];
    if (!kept[step.value]) {
      // The smallest free buffer that is large enough, else the largest one, which grows.
      const auto better = [&](size_t a, size_t b) {
        const bool a_fits = plan.counts[a] >= step.count;
        const bool b_fits = plan.counts[b] >= step.count;
        if (a_fits != b_fits) return a_fits;
        return a_fits ? plan.counts[a] < plan.counts[b] : plan.counts[a] > plan.counts[b];
      };
      auto chosen = std::min_element(free.begin(), free.end(), better);
      if (chosen == free.end()) {
        plan.counts.push_back(0);
        chosen = free.insert(free.end(), plan.counts.size() - 1);
      }
      const size_t buffer = *chosen;
      free.erase(chosen);
      plan.counts[buffer] = std::max(plan.counts[buffer], step.count);
      plan.buffer_of[step.value] = buffer;
    }
    std::vector<size_t> ending = step.reads;
    ending.push_back(step.value);
    std::sort(ending.begin(), ending.end());
    ending.erase(std::unique(ending.begin(), ending.end()), ending.end());
    for (size_t v : ending) {
      if (last[v] != t || plan.buffer_of[v] == BufferPlan::own) continue;
      plan.release[t].push_back(v);
      free.push_back(plan.buffer_of[v]);
    }
  }
  return plan;
}

}  // namespace tools::graph
