#include "tools/support/progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <utility>

namespace tools {

Progress::Progress(std::string what, int64_t total, bool always)
    : what_(std::move(what)), total_(total > 0 ? total : 1), terminal_(isatty(STDERR_FILENO) == 1), lines_(always && !terminal_) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::advance(int64_t by) {
  done_ += by;
  const int64_t percent = 100 * done_ / total_;
  if (lines_ && percent / 10 > last_tenth_) {
    last_tenth_ = percent / 10;
    std::fprintf(stderr, "%s: %d %%\n", what_.c_str(), static_cast<int>(percent));
  }
  if (!terminal_) return;
  const Clock::time_point now = Clock::now();
  if (now - start_ < std::chrono::seconds(1) || now - last_draw_ < std::chrono::milliseconds(100)) return;
  last_draw_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double left = seconds * static_cast<double>(total_ - done_) / static_cast<double>(done_ > 0 ? done_ : 1);
  std::fprintf(stderr, "\r\033[K%s: %d %%, %.0f s left", what_.c_str(), static_cast<int>(percent), left);
  std::fflush(stderr);
}

}  // namespace tools
