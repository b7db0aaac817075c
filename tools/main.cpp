// tconv: the command-line program.
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "tools/support/error.hpp"
#include "tools/verbs/verbs.hpp"

namespace {

constexpr const char* footer =
    "Exit codes: 0 success, 1 a check failed, 2 wrong command line, 3 wrong or unsupported input, 4 output not written.\n"
    "TCONV_TARGET=scalar|sse4|avx2|avx512|neon in the environment forces an instruction set.\n"
    "Every verb has --help with examples.";

int fail(const char* message, tools::ExitCode code) {
  std::fprintf(stderr, "tconv: %s\n", message);
  return static_cast<int>(code);
}

bool is_verb(const CLI::App& app, const std::string& name) {
  for (const CLI::App* verb : app.get_subcommands(nullptr)) {
    if (verb->get_name() == name) return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Transposed convolution for CPUs", "tconv");
  app.require_subcommand(1);
  app.set_version_flag("--version", "tconv " TCONV_VERSION);
  app.footer(footer);
  register_info(app);
#ifdef TCONV_HAS_ARITH
  register_arith(app);
#endif
  register_explain(app);
  register_run(app);
  register_check(app);
  register_upscale(app);
  // CLI11 would only say that a verb is missing.
  if (argc > 1 && argv[1][0] != '-' && !is_verb(app, argv[1])) {
    const std::string message = std::string(argv[1]) + ": no such verb (tconv --help lists them)";
    return fail(message.c_str(), tools::ExitCode::bad_command_line);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const bool asked = e.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);  // --help, --version
    if (asked) return app.exit(e);
    return fail(e.what(), tools::ExitCode::bad_command_line);
  } catch (const tools::Error& e) {
    return fail(e.what(), e.code());
  } catch (const std::bad_alloc&) {
    return fail("out of memory", tools::ExitCode::bad_input);
  } catch (const std::exception& e) {
    return fail(e.what(), tools::ExitCode::bad_input);
  }
  return static_cast<int>(tools::ExitCode::success);
}
