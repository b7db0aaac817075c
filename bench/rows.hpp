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

// The same for peers, unless one run would take more than five seconds and ten times as long as ours. Where that may be, it is
// found out by a layer of fewer pixels, and the same channels, kernel and strides.
class PeerPreparation {
 public:
  // `ours`: seconds of our run; 0 when unknown.
  PeerPreparation(const Case& c, const Settings& settings, double ours) : case_(c), settings_(settings), ours_(ours) {}
  void prepare(const Peer& peer, Row* row);

 private:
  double estimate(const Peer& peer);

  const Case& case_;
  const Settings& settings_;
  double ours_;
  std::unique_ptr<Case> small_;
};

}  // namespace tconv::bench
