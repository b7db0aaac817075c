#include "bench/rows.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <new>
#include <stdexcept>

namespace tconv::bench {
namespace {

// A peer may do all multiplications of the zero-inserted tensor, at this rate or below.
constexpr double surely_fast = 1e11;  // multiplications

// Estimated seconds of one run: what a layer with fewer pixels takes, times the ratio of multiplications; the small layer's run may
// be its first.
double estimate(const Case& c, const Peer& peer, const Settings& settings) {
  using Clock = std::chrono::steady_clock;
  const Case small(shrink(c.layer, std::max<int64_t>(c.geometry.multiplications / 100, 1000)));
  const std::unique_ptr<Contestant> contestant = peer.create(small, settings);
  const auto start = Clock::now();
  contestant->run();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count() / contestant->images();
  return seconds * static_cast<double>(c.geometry.multiplications) / static_cast<double>(small.geometry.multiplications);
}

}  // namespace

void prepare(const Case& c, Row* row, const std::function<std::unique_ptr<Contestant>()>& make) {
  try {
    row->contestant = make();
    row->error = row->contestant->verify(c);
    if (row->error.empty()) row->warm_seconds = quick_time(row->contestant.get());
  } catch (const std::bad_alloc&) {
    row->error = "not enough memory";
  } catch (const std::exception& e) {
    row->error = e.what();
  }
  for (char& ch : row->error) {
    if (ch == '\n') ch = ' ';
  }
  if (!row->error.empty()) row->contestant.reset();
}

void prepare_peer(const Case& c, Row* row, const Peer& peer, const Settings& settings, double ours) {
  double inserted = static_cast<double>(c.geometry.multiplications);
  for (const Axis& axis : c.geometry.axis) inserted *= static_cast<double>(axis.stride);
  prepare(c, row, [&]() -> std::unique_ptr<Contestant> {
    if (inserted > surely_fast) {
      const double seconds = estimate(c, peer, settings);
      if (seconds > std::max(5.0, 10 * ours)) {
        char text[80];
        std::snprintf(text, sizeof text, "too slow: a run would take %.0f s, as a smaller one says", seconds);
        throw std::runtime_error(text);
      }
    }
    return peer.create(c, settings);
  });
}

}  // namespace tconv::bench
