#include "bench/isa_limit.hpp"

#if defined(__x86_64__) && defined(__linux__)

#include <cpuid.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <csignal>
#include <cstring>

namespace tconv::bench {
namespace {

constexpr int arch_set_cpuid = 0x1012;  // asm/prctl.h
bool hide_avx = false;

bool allow_cpuid(bool allow) { return syscall(SYS_arch_prctl, arch_set_cpuid, allow ? 1UL : 0UL) == 0; }

// Bits of "Intel 64 and IA-32 Architectures Software Developer's Manual", volume 2, CPUID.
void filter(unsigned leaf, unsigned subleaf, unsigned r[4]) {
  enum { a, b, c, d };
  if (leaf == 1 && hide_avx) r[c] &= ~((1u << 12) | (1u << 28) | (1u << 29));  // FMA, AVX, F16C
  if (leaf == 7 && subleaf == 0) {
    r[b] &= ~((1u << 16) | (1u << 17) | (1u << 21) | (1u << 26) | (1u << 27) | (1u << 28) | (1u << 30) | (1u << 31));  // AVX512*
    r[c] &= ~((1u << 1) | (1u << 6) | (1u << 11) | (1u << 12) | (1u << 14));                                           // AVX512*
    r[d] &= ~((1u << 2) | (1u << 3) | (1u << 8) | (1u << 22) | (1u << 23) | (1u << 24) | (1u << 25));  // AVX512*, AMX
    if (hide_avx) {
      r[b] &= ~(1u << 5);                 // AVX2
      r[c] &= ~((1u << 9) | (1u << 10));  // VAES, VPCLMULQDQ
    }
  }
  if (leaf == 7 && subleaf == 1) {
    r[a] &= ~((1u << 5) | (1u << 21));  // AVX512_BF16, AMX_FP16
    r[d] &= ~(1u << 19);                // AVX10
    if (hide_avx) r[a] &= ~((1u << 4) | (1u << 23));
    if (hide_avx) r[d] &= ~((1u << 4) | (1u << 5) | (1u << 10));
  }
}

void on_fault(int, siginfo_t*, void* context) {
  greg_t* g = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const unsigned char cpuid[2] = {0x0f, 0xa2};
  if (std::memcmp(reinterpret_cast<const void*>(g[REG_RIP]), cpuid, sizeof cpuid) != 0) {
    signal(SIGSEGV, SIG_DFL);  // a true fault: it happens again, and ends the process as it should
    return;
  }
  unsigned r[4];
  const auto leaf = static_cast<unsigned>(g[REG_RAX]), subleaf = static_cast<unsigned>(g[REG_RCX]);
  allow_cpuid(true);
  __cpuid_count(leaf, subleaf, r[0], r[1], r[2], r[3]);
  allow_cpuid(false);
  filter(leaf, subleaf, r);
  g[REG_RAX] = r[0];
  g[REG_RBX] = r[1];
  g[REG_RCX] = r[2];
  g[REG_RDX] = r[3];
  g[REG_RIP] += 2;
}

}  // namespace

bool hide_instructions_beyond(Target target) {
  hide_avx = target == Target::sse4 || target == Target::scalar;
  struct sigaction action, before;
  std::memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (sigaction(SIGSEGV, &action, &before) != 0) return false;
  if (allow_cpuid(false)) return true;
  sigaction(SIGSEGV, &before, nullptr);
  return false;
}

int visible_vector_bits() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  __cpuid_count(7, 0, a, b, c, d);
  return (b >> 16 & 1) != 0 ? 512 : (b >> 5 & 1) != 0 ? 256 : 128;
}

}  // namespace tconv::bench

#else

namespace tconv::bench {
bool hide_instructions_beyond(Target) { return false; }
int visible_vector_bits() { return 0; }
}  // namespace tconv::bench

#endif
