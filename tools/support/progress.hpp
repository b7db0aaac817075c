// A line on stderr that says how far long work has come.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tools {

// Rewrites one line at most ten times a second, and only after the first second; clears it at the end.
class Progress {
 public:
  // Shown when stderr is a terminal; `always` shows it elsewhere too (one line per step of 10 %).
  Progress(std::string what, int64_t total, bool always);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(int64_t by = 1);

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  int64_t total_;
  int64_t done_ = 0;
  int64_t last_tenth_ = 0;
  bool terminal_;
  bool lines_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_draw_ = start_;
};

}  // namespace tools
