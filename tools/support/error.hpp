// How the program ends: exit codes, and the exception that carries one together with its one-line reason.
#pragma once

#include <stdexcept>
#include <string>

namespace tools {

enum class ExitCode : int {
  success = 0,
  check_failed = 1,      // `tconv check`: at least one case differs; comparisons asked for elsewhere that differ
  bad_command_line = 2,  // unknown verb or option, value out of range
  bad_input = 3,         // a file that is missing, broken or unsupported; a layer that cannot exist
  cannot_write = 4,      // the output could not be written
};

// Thrown anywhere below a verb; main() prints "tconv: <what>" on stderr and exits with the code.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

}  // namespace tools
