#include "arch/detect.hpp"

// TCONV_BARE_METAL: there is no operating system to ask. The targets that were compiled in are what the CPU has.
#if !TCONV_BARE_METAL
#include <unistd.h>
#if defined(__linux__) && (defined(__arm__) || defined(__aarch64__))
#define TCONV_ARM_LINUX 1
#include <asm/hwcap.h>
#include <fcntl.h>
#include <sys/auxv.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#endif
#endif

namespace tconv::arch {

bool cpu_supports(Target target) {
  switch (target) {
    case Target::scalar:
      return true;
#if TCONV_BARE_METAL
    default:
      return true;
#else
#if defined(__x86_64__) || defined(__i386__)
    // __builtin_cpu_supports() reports AVX and AVX-512 only when the operating system saves their registers (XCR0).
    case Target::sse4:
      return __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3");
    case Target::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
             __builtin_cpu_supports("bmi2");
    case Target::avx512:
      return cpu_supports(Target::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#elif defined(__aarch64__)
    case Target::neon:
      return true;  // mandatory there; the kernels use no extension of it, such as the AES that a Raspberry Pi 3 or 4 lacks
#elif TCONV_ARM_LINUX
    // Cortex-A5, A8 and A9 have NEON at most without the fused multiply-add of VFPv4; some A9 (Tegra 2) have no NEON at all.
    case Target::neon: {
      const unsigned long wanted = HWCAP_NEON | HWCAP_VFPv4;
      return (getauxval(AT_HWCAP) & wanted) == wanted;
    }
#endif
    default:
      return false;
#endif
  }
}

ArmFeatures arm_features() {
  ArmFeatures features{};
#if TCONV_ARM_LINUX && defined(__aarch64__)
  const unsigned long has = getauxval(AT_HWCAP);
  features.half_arithmetic = (has & HWCAP_FPHP) != 0 && (has & HWCAP_ASIMDHP) != 0;
  features.dot_product = (has & HWCAP_ASIMDDP) != 0;
#endif
  return features;
}

namespace {

#if TCONV_ARM_LINUX
// The first line of /sys/devices/system/cpu/cpu0/cache/index<index>/<field>; false when there is none.
bool read_cache_field(int index, const char* field, char* text, size_t size) {
  char path[80];
  std::snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, field);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t length = read(file, text, size - 1);
  close(file);
  text[length > 0 ? length : 0] = '\0';
  return length > 0;
}
#endif

// Bytes of the data or unified cache of level 1, 2 or 3; 0 when nothing tells.
size_t cache_size(int level) {
#if TCONV_ARM_LINUX
  // sysconf returns 0 there. On CPUs of two kinds of cores this is the first one's cache.
  char text[32];
  for (int index = 0; read_cache_field(index, "level", text, sizeof text); ++index) {
    if (std::atoi(text) != level) continue;
    if (!read_cache_field(index, "type", text, sizeof text) || std::strncmp(text, "Instruction", 11) == 0) continue;
    if (!read_cache_field(index, "size", text, sizeof text)) continue;
    char* unit = nullptr;
    const size_t number = std::strtoul(text, &unit, 10);
    return *unit == 'K' ? number << 10 : *unit == 'M' ? number << 20 : number;
  }
  return 0;
#elif !TCONV_BARE_METAL && defined(_SC_LEVEL1_DCACHE_SIZE)
  const long bytes = sysconf(level == 1 ? _SC_LEVEL1_DCACHE_SIZE : level == 2 ? _SC_LEVEL2_CACHE_SIZE : _SC_LEVEL3_CACHE_SIZE);
  return bytes > 0 ? static_cast<size_t>(bytes) : 0;
#else
  static_cast<void>(level);
  return 0;
#endif
}

}  // namespace

CacheSizes data_cache_sizes() {
  const auto size = [](int level, size_t otherwise) {
    const size_t told = cache_size(level);
    return told != 0 ? told : otherwise;
  };
  return {size(1, 32u << 10), size(2, 512u << 10), size(3, 1)};
}

}  // namespace tconv::arch
