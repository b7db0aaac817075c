// Wall-clock times of repeated work.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace tools {

// Runs `work` `repeats` times (at least once) and returns the seconds of each run, sorted.
template <typename Work>
std::vector<double> time_runs(int repeats, Work&& work) {
  std::vector<double> seconds;
  for (int i = 0; i < std::max(repeats, 1); ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

// Of sorted, non-empty values; of an even number the mean of the middle two.
inline double median(const std::vector<double>& sorted) {
  const size_t n = sorted.size();
  return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

}  // namespace tools
