// Runs the program as a user does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tconv_test {

struct Ran {
  int exit_code = -1;  // 128 + n when it died of signal n
  std::string out;
  std::string err;
};

// `address_space`: bytes that the process may map (RLIMIT_AS), 0 for no limit. `environment`: "NAME=value" to add.
Ran run_tconv(const std::vector<std::string>& arguments, uint64_t address_space = 0,
              const std::vector<std::string>& environment = {});
Ran run_program(const std::string& program, const std::vector<std::string>& arguments, uint64_t address_space = 0,
                const std::vector<std::string>& environment = {});

// The text after the last newline but one: the last line.
std::string last_line(const std::string& text);

}  // namespace tconv_test
