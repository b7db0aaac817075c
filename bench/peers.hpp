// Finds and loads the peer plugins.
#pragma once

#include <string>
#include <vector>

#include "bench/contestant.hpp"

namespace tconv::bench {

struct LoadedPeer {
  std::string name;
  const Peer* peer = nullptr;  // nullptr: absent
  std::string why_absent;
};

// The names of all peers that the bench knows; what CMake did not find at build time is among them, as absent.
const std::vector<std::string>& known_peers();

// Loads the plugins of `names` that lie beside the running program. Sets the environment variables that limit threads and
// instruction sets first, for they are read when a library loads.
std::vector<LoadedPeer> load_peers(const std::vector<std::string>& names, const Settings& settings);

}  // namespace tconv::bench
