// The interactive page: one HTML file that needs nothing else.
#pragma once

#include <string>

#include "tconv/geometry.hpp"

namespace tools::arith {

// Starts with `axis` (valid and drawable) at output `at`; its numbers, as `tconv arith --json` prints them, come with the page.
std::string to_html(const tconv::Axis& axis, int64_t at);

}  // namespace tools::arith
