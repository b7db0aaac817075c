#include <cstdio>

#include "tconv/targets.hpp"
#include "tools/verbs/verbs.hpp"

namespace {

void print_info() {
  std::printf("tconv %s\n", TCONV_VERSION);
  for (tconv::Target t : tconv::all_targets) {
    std::printf("%-8s %s %s\n", tconv::target_name(t), tconv::target_compiled(t) ? "compiled in" : "-",
                tconv::target_supported(t) ? "supported" : "-");
  }
}

}  // namespace

void register_info(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("info", "Instruction sets compiled in, supported and chosen; cache sizes; version");
  verb->callback(print_info);
}
