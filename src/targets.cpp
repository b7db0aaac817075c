#include "tconv/targets.hpp"

#include <cstdlib>
#include <cstring>

#include "arch/detect.hpp"
#include "arch/kernel_table.hpp"

namespace tconv {
namespace {

constexpr const char* names[] = {"auto", "scalar", "sse4", "avx2", "avx512", "neon"};

}  // namespace

const char* target_name(Target target) {
  const size_t i = static_cast<size_t>(target);
  return i < sizeof names / sizeof *names ? names[i] : "unknown";
}

bool target_from_name(const char* name, Target* target) {
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (std::strcmp(name, names[i]) == 0) {
      *target = static_cast<Target>(i);
      return true;
    }
  }
  return false;
}

bool target_compiled(Target target) { return arch::kernel_table_compiled(target); }

bool target_supported(Target target) { return target_compiled(target) && arch::cpu_supports(target); }

Status choose_target(Target wanted, Target* chosen) {
  if (wanted == Target::automatic) {
    const char* const forced = std::getenv("TCONV_TARGET");
    if (forced != nullptr && forced[0] != '\0' && !target_from_name(forced, &wanted)) {
      return Status::error(StatusCode::invalid_argument, "TCONV_TARGET = %.40s: no such target", forced);
    }
  }
  if (wanted == Target::automatic) {
    for (Target t : all_targets) {
      if (target_supported(t)) wanted = t;
    }
  }
  if (wanted > Target::neon) {
    return Status::error(StatusCode::invalid_argument, "target = %d: unknown", static_cast<int>(wanted));
  }
  if (!target_compiled(wanted)) {
    return Status::error(StatusCode::unsupported, "target = %s: not compiled into this library", target_name(wanted));
  }
  if (!target_supported(wanted)) {
    return Status::error(StatusCode::unsupported, "target = %s: this CPU or operating system cannot run it", target_name(wanted));
  }
  *chosen = wanted;
  return {};
}

CacheSizes detect_cache_sizes() { return arch::data_cache_sizes(); }

}  // namespace tconv
