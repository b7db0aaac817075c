#include "bench/rows.hpp"

#include <algorithm>
#include <cstdio>
#include <new>
#include <stdexcept>

namespace tconv::bench {
namespace {

// A peer that multiplies all the inserted zeros, with the slowest of implementations, needs some seconds for that many
// multiplications.
constexpr double surely_fast = 5e9;

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

// Seconds of one run: what the small layer takes, times the ratio of multiplications.
double PeerPreparation::estimate(const Peer& peer) {
  if (!small_) small_ = std::make_unique<Case>(shrink(case_.layer, std::max<int64_t>(case_.geometry.multiplications / 100, 1000)));
  const std::unique_ptr<Contestant> contestant = peer.create(*small_, settings_);
  const double seconds = quick_time(contestant.get()) / contestant->images();
  return seconds * static_cast<double>(case_.geometry.multiplications) / static_cast<double>(small_->geometry.multiplications);
}

void PeerPreparation::prepare(const Peer& peer, Row* row) {
  double inserted = static_cast<double>(case_.geometry.multiplications);
  for (const Axis& axis : case_.geometry.axis) inserted *= static_cast<double>(axis.stride);
  bench::prepare(case_, row, [&]() -> std::unique_ptr<Contestant> {
    if (inserted > surely_fast) {
      const double seconds = estimate(peer);
      if (seconds > std::max(5.0, 10 * ours_)) {
        char text[80];
        std::snprintf(text, sizeof text, "too slow: a run would take %.0f s, as a smaller one says", seconds);
        throw std::runtime_error(text);
      }
    }
    return peer.create(case_, settings_);
  });
}

}  // namespace tconv::bench
