// A row of the report before it is timed: a contestant made, checked and warmed up, or the reason why there is none.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bench/contestant.hpp"

namespace tconv::bench {

struct Row {
  std::string name;
  std::unique_ptr<Contestant> contestant;
  std::string error;
  double warm_seconds = 0;  // of one run
};

// Checks a contestant and runs it until caches, page tables and branch predictors are warm.
void prepare(const Case& c, Row* row, const std::function<std::unique_ptr<Contestant>()>& make);

// The same for a peer, unless one run of it would take more than five seconds and ten times as long as `ours` (seconds; 0 when
// unknown). On large layers that is found out by a small one with the same channels, kernel and strides.
void prepare_peer(const Case& c, Row* row, const Peer& peer, const Settings& settings, double ours);

}  // namespace tconv::bench
