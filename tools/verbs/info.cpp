#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "tconv/conv_transpose.hpp"
#include "tools/support/error.hpp"
#include "tools/support/text.hpp"
#include "tools/verbs/verbs.hpp"

namespace {

constexpr const char* footer =
    "compiled in: in this build; supported: by this CPU and operating system; chosen: what the library takes unless told "
    "otherwise.\n"
    "Examples:\n"
    "  tconv info\n"
    "  TCONV_TARGET=scalar tconv info\n"
    "  tconv info --json";

std::string cache_text(size_t bytes) { return bytes <= 1 ? "none or unknown" : tools::format_bytes(static_cast<int64_t>(bytes)); }

void info(bool json) {
  tconv::Target chosen = tconv::Target::automatic;
  const tconv::Status status = tconv::choose_target(tconv::Target::automatic, &chosen);
  if (!status.ok()) throw tools::Error(tools::ExitCode::bad_command_line, status.message());
  const tconv::CacheSizes caches = tconv::detect_cache_sizes();
  if (json) {
    nlohmann::ordered_json out = {{"version", TCONV_VERSION}, {"chosen", tconv::target_name(chosen)}};
    for (tconv::Target t : tconv::all_targets) {
      out["targets"].push_back(
          {{"name", tconv::target_name(t)}, {"compiled", tconv::target_compiled(t)}, {"supported", tconv::target_supported(t)}});
    }
    for (tconv::Algorithm a : tconv::all_algorithms) out["algorithms"].push_back(tconv::algorithm_name(a));
    out["caches"] = {{"l1", caches.l1}, {"l2", caches.l2}, {"l3", caches.l3}};
    fmt::print("{}\n", out.dump(2));
    return;
  }
  fmt::print("tconv {}\n", TCONV_VERSION);
  for (tconv::Target t : tconv::all_targets) {
    fmt::print("  {:<7} {:<16}{}{}\n", tconv::target_name(t), tconv::target_compiled(t) ? "compiled in" : "not compiled in",
               tconv::target_supported(t)  ? " supported"
               : tconv::target_compiled(t) ? " not supported by this CPU"
                                           : "",
               t == chosen ? ", chosen" : "");
  }
  fmt::print("algorithms:");
  for (tconv::Algorithm a : tconv::all_algorithms) fmt::print(" {}", tconv::algorithm_name(a));
  fmt::print("\ncaches: L1 {}, L2 {}, L3 {}\n", cache_text(caches.l1), cache_text(caches.l2), cache_text(caches.l3));
}

}  // namespace

void register_info(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("info", "Instruction sets compiled in, supported and chosen; cache sizes; version");
  auto json = std::make_shared<bool>(false);
  verb->add_flag("--json", *json, "For programs");
  verb->footer(footer);
  verb->callback([json] { info(*json); });
}
