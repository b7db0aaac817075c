#include "bench/machine.hpp"

#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>

namespace tconv::bench {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

using FmaLoop = double (*)(int64_t, float*);
FmaLoop loop_of(Target target) {
  switch (target) {
    case Target::scalar:
      return fma_loop_scalar;
#if defined(__x86_64__) || defined(__i386__)
    case Target::sse4:
      return fma_loop_sse4;
    case Target::avx2:
      return fma_loop_avx2;
    case Target::avx512:
      return fma_loop_avx512;
#elif defined(__ARM_NEON)
    case Target::neon:
      return fma_loop_neon;
#endif
    default:
      return nullptr;
  }
}

// f(i) once for each thread, at the same time; seconds.
template <typename Function>
double time_all(const Parallelism& p, Function f) {
  const auto start = Clock::now();
  if (p.parallel_for == nullptr) {
    f(0);
  } else {
    p.parallel_for(
        p.context, p.threads, [](void* argument, size_t i) { (*static_cast<Function*>(argument))(i); }, &f);
  }
  return seconds_since(start);
}

}  // namespace

double measure_fma_peak(Target target, double seconds, const Parallelism& parallelism) {
  const FmaLoop loop = loop_of(target);
  if (loop == nullptr) return 0;
  float sink[17] = {0.5f, 0.25f};
  for (int i = 2; i < 16; ++i) sink[i] = 0.01f * static_cast<float>(i);
  const double window = std::min(seconds / 5, 4e-3);
  int64_t rounds = 1000;
  // Double until one window is long enough for the clock.
  for (;;) {
    const auto start = Clock::now();
    loop(rounds, sink);
    if (seconds_since(start) > window || rounds > (int64_t{1} << 40)) break;
    rounds *= 2;
  }
  double best = 0;
  const auto begin = Clock::now();
  do {
    std::atomic<double> flops{0};
    const double took = time_all(parallelism, [&](size_t) {
      float own[17];
      std::copy(sink, sink + 17, own);
      flops = loop(rounds, own);
    });
    best = std::max(best, flops * static_cast<double>(parallelism.threads) / took);
  } while (seconds_since(begin) < seconds);
  return best * 1e-9;
}

double copy_bandwidth(double bytes, const Parallelism& parallelism) {
  static std::map<int, double> known;
  int log2 = 14;
  while (log2 < 29 && static_cast<double>(size_t{1} << log2) < bytes) ++log2;
  if (const auto it = known.find(log2); it != known.end()) return it->second;
  const size_t half = (size_t{1} << log2) / 2;
  const std::unique_ptr<char, decltype(&std::free)> from(static_cast<char*>(std::aligned_alloc(4096, half)), &std::free);
  const std::unique_ptr<char, decltype(&std::free)> to(static_cast<char*>(std::aligned_alloc(4096, half)), &std::free);
  if (!from || !to) return 0;
  std::memset(from.get(), 1, half);
  std::memset(to.get(), 2, half);
  const size_t repeats = std::max<size_t>(1, (size_t{1} << 22) / half);
  double best = 0;
  for (int window = 0; window < (log2 > 26 ? 5 : 12); ++window) {
    const double took = time_all(parallelism, [&](size_t thread) {
      const size_t begin = half * thread / parallelism.threads, end = half * (thread + 1) / parallelism.threads;
      for (size_t i = 0; i < repeats; ++i) {
        std::memcpy(to.get() + begin, from.get() + begin, end - begin);
        asm volatile("" ::"r"(to.get()) : "memory");
      }
    });
    best = std::max(best, 2.0 * static_cast<double>(half * repeats) / took);
  }
  return known[log2] = best;
}

std::string compiler() {
#if defined(__clang__)
  return "Clang " + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__) + "." +
         std::to_string(__clang_patchlevel__);
#else
  return "GCC " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__) + "." + std::to_string(__GNUC_PATCHLEVEL__);
#endif
}

std::string cpu_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("model name", 0) == 0 || line.rfind("Model", 0) == 0) {
      const size_t colon = line.find(": ");
      if (colon != std::string::npos) return line.substr(colon + 2);
    }
  }
  utsname name;
  return uname(&name) == 0 ? name.machine : "unknown";
}

std::string pin(int first, int count) {
  cpu_set_t allowed, chosen;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return "cannot ask for the CPUs of this process";
  CPU_ZERO(&chosen);
  int taken = 0;
  for (int cpu = std::max(first, 0); cpu < CPU_SETSIZE && taken < count; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) CPU_SET(cpu, &chosen), ++taken;
  }
  if (taken < count) {
    return "pin = " + std::to_string(first) + ": " + std::to_string(count) + " CPUs are not free from there on";
  }
  return sched_setaffinity(0, sizeof chosen, &chosen) == 0 ? "" : "cannot pin to a CPU";
}

}  // namespace tconv::bench
