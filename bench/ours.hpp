// Our operator as a contestant.
#pragma once

#include "bench/contestant.hpp"
#include "tconv/conv_transpose.hpp"

namespace tconv::bench {

// Throws std::runtime_error with the Status's message.
std::unique_ptr<Contestant> make_ours(const Case& c, Layout layout, Algorithm algorithm, const Settings& settings);

}  // namespace tconv::bench
