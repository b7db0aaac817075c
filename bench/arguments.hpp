// Command lines of the bench programs: "--key value", "--key=value" and flags; unknown keys are errors.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "bench/contestant.hpp"
#include "tconv/targets.hpp"

namespace tconv::bench {

class Arguments {
 public:
  // `valued`: keys that take a value, `flags`: keys that take none. Arguments that begin with `pass_prefix` are kept in passed().
  // Throws std::runtime_error naming the argument.
  Arguments(int argc, char** argv, const std::set<std::string>& valued, const std::set<std::string>& flags,
            const std::string& pass_prefix = "");

  bool has(const std::string& key) const { return values_.count(key) != 0; }
  std::string get(const std::string& key, const std::string& otherwise) const;
  // Throws unless it is a whole number in [low, high].
  int integer(const std::string& key, int otherwise, int low, int high) const;
  // --target, resolved: never automatic. Throws when this machine cannot run it.
  Target target() const;
  // --target, --threads and --winograd, without a pool.
  Settings settings() const;
  // --layers (default: the suite that the build knows), filtered by --tier and --layer-filter. Throws with the loader's
  // line, or when nothing is left.
  std::vector<Layer> layers() const;
  const std::vector<std::string>& passed() const { return passed_; }

 private:
  std::map<std::string, std::string> values_;
  std::vector<std::string> passed_;
};

// What main() does in every program: runs it, and makes an exception one line and exit status 2.
int guarded(const char* program, int (*run)(int, char**), int argc, char** argv);

}  // namespace tconv::bench
