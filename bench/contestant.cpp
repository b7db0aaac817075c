#include "bench/contestant.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace tconv::bench {

double quick_time(Contestant* contestant) {
  using Clock = std::chrono::steady_clock;
  double best = 1e30, total = 0;
  for (int i = 0; i < 12 && (i < 2 || total < 0.02) && total < 0.25; ++i) {
    const auto start = Clock::now();
    contestant->run();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

void require_memory(double bytes, const char* what) {
  std::ifstream in("/proc/meminfo");
  for (std::string key, rest; in >> key && std::getline(in, rest);) {
    if (key != "MemAvailable:") continue;
    const double available = 1024.0 * std::stod(rest);
    if (bytes > available / 2) {
      char text[160];
      std::snprintf(text, sizeof text, "%s needs %.1f GB, and only %.1f GB are free", what, bytes * 1e-9, available * 1e-9);
      throw std::runtime_error(text);
    }
    return;
  }
}

}  // namespace tconv::bench
