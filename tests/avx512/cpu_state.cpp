// Prints what CPUID says of the CPU and which registers the operating system saves (XCR0), as JSON. With the argument `run`, runs
// one AVX-512 instruction afterwards.
#include <cpuid.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

struct Leaf {
  unsigned a = 0, b = 0, c = 0, d = 0;
  Leaf(unsigned leaf, unsigned subleaf) { __get_cpuid_count(leaf, subleaf, &a, &b, &c, &d); }
};

// XCR0; 0 where the operating system has not enabled XSAVE.
uint64_t enabled_state(bool osxsave) {
  if (!osxsave) return 0;
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

void print_flags(const char* name, const char* const (&flags)[32], unsigned bits) {
  std::printf(" \"%s\": [", name);
  const char* separator = "";
  for (int i = 0; i < 32; ++i) {
    if (flags[i] == nullptr || !(bits >> i & 1)) continue;
    std::printf("%s\"%s\"", separator, flags[i]);
    separator = ", ";
  }
  std::printf("],\n");
}

}  // namespace

int main(int argc, char** argv) {
  const char *leaf1_ecx[32] = {}, *leaf7_ebx[32] = {}, *leaf7_ecx[32] = {};
  // Bits as in the CPUID instruction's description, Intel SDM volume 2A.
  leaf1_ecx[0] = "sse3", leaf1_ecx[9] = "ssse3", leaf1_ecx[12] = "fma", leaf1_ecx[19] = "sse4_1", leaf1_ecx[20] = "sse4_2";
  leaf1_ecx[26] = "xsave", leaf1_ecx[27] = "osxsave", leaf1_ecx[28] = "avx", leaf1_ecx[29] = "f16c";
  leaf7_ebx[3] = "bmi1", leaf7_ebx[5] = "avx2", leaf7_ebx[8] = "bmi2", leaf7_ebx[16] = "avx512f", leaf7_ebx[17] = "avx512dq";
  leaf7_ebx[21] = "avx512ifma", leaf7_ebx[28] = "avx512cd", leaf7_ebx[30] = "avx512bw", leaf7_ebx[31] = "avx512vl";
  leaf7_ecx[1] = "avx512vbmi", leaf7_ecx[6] = "avx512_vbmi2", leaf7_ecx[8] = "gfni", leaf7_ecx[9] = "vaes";
  leaf7_ecx[11] = "avx512_vnni", leaf7_ecx[12] = "avx512_bitalg", leaf7_ecx[14] = "avx512_vpopcntdq";

  char brand[49] = "";
  for (unsigned i = 0; i < 3; ++i) {
    const Leaf leaf(0x80000002u + i, 0);
    std::memcpy(brand + 16 * i, &leaf, 16);
  }
  const Leaf leaf1(1, 0), leaf7(7, 0);
  std::printf("{\"brand\": \"%s\",\n", brand + std::strspn(brand, " "));
  print_flags("leaf1_ecx", leaf1_ecx, leaf1.c);
  print_flags("leaf7_ebx", leaf7_ebx, leaf7.b);
  print_flags("leaf7_ecx", leaf7_ecx, leaf7.c);
  std::printf(" \"xcr0\": %llu}\n", static_cast<unsigned long long>(enabled_state(leaf1.c >> 27 & 1)));
  std::fflush(stdout);
  // vpxord zmm0, zmm0, zmm0. By hand, so that no compiler option is needed.
  if (argc > 1 && std::strcmp(argv[1], "run") == 0) asm volatile("vpxord %%zmm0, %%zmm0, %%zmm0\n\tvzeroupper" ::: "xmm0");
  return 0;
}
