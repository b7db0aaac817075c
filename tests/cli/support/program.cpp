#include "support/program.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "support/scratch.hpp"

namespace tconv_test {
namespace {

void redirect(const std::string& path, int descriptor) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || dup2(file, descriptor) < 0) _exit(126);
}

}  // namespace

Ran run_tconv(const std::vector<std::string>& arguments, uint64_t address_space, const std::vector<std::string>& environment) {
  return run_program(TCONV_PROGRAM, arguments, address_space, environment);
}

Ran run_program(const std::string& program, const std::vector<std::string>& arguments, uint64_t address_space,
                const std::vector<std::string>& environment) {
  const Scratch scratch;
  const std::string out = scratch.path("stdout");
  const std::string err = scratch.path("stderr");
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    redirect(out, STDOUT_FILENO);
    redirect(err, STDERR_FILENO);
    if (address_space > 0) {
      const rlimit limit = {address_space, address_space};
      setrlimit(RLIMIT_AS, &limit);
    }
    for (const std::string& variable : environment) putenv(const_cast<char*>(variable.c_str()));
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  Ran ran;
  int status = 0;
  waitpid(child, &status, 0);
  ran.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  ran.out = read_text(out);
  ran.err = read_text(err);
  return ran;
}

std::string last_line(const std::string& text) {
  const size_t end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "";
  const size_t newline = text.find_last_of('\n', end);
  return text.substr(newline == std::string::npos ? 0 : newline + 1, end - (newline == std::string::npos ? 0 : newline + 1) + 1);
}

}  // namespace tconv_test
