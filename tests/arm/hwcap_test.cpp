// Which target is chosen for CPUs that no model of QEMU imitates: this program answers getauxval(AT_HWCAP), which the library asks.
// Raspberry Pi 3 and 4 have no AES (QEMU's Cortex-A53 and A72 have); Cortex-A9 has NEON without the fused multiply-add of VFPv4.
#include <asm/hwcap.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>

#include <cstring>

#include "arch/detect.hpp"
#include "tconv/conv_transpose.hpp"

namespace {

unsigned long hwcap = 0;
int questions = 0;

}  // namespace

extern "C" unsigned long getauxval(unsigned long type) noexcept {
  if (type != AT_HWCAP) return 0;
  ++questions;
  return hwcap;
}

namespace {

// A 1 x 1 layer: 2 * 3 = 6.
tconv::Status run_tiny_layer(tconv::Target target, tconv::Target* used) {
  const float w = 2, x = 3;
  float y = 0;
  alignas(64) static char workspace[1 << 16];
  tconv::Options options;
  options.target = target;
  auto op = tconv::ConvTranspose::create(tconv::Description(), &w, nullptr, options);
  if (!op.ok()) return op.status();
  *used = op->plan().target;
  const tconv::Status status = op->run(&x, &y, workspace, sizeof workspace);
  EXPECT_EQ(y, 6);
  return status;
}

class Hwcap : public testing::Test {
 protected:
  void SetUp() override {
    unsetenv("TCONV_TARGET");
    questions = 0;
  }
};

#if defined(__aarch64__)

// What /proc/cpuinfo of a Raspberry Pi 4 lists: fp asimd evtstrm crc32 cpuid.
constexpr unsigned long raspberry_pi_4 = HWCAP_FP | HWCAP_ASIMD | HWCAP_EVTSTRM | HWCAP_CRC32 | HWCAP_CPUID;

TEST_F(Hwcap, NeonIsChosenWithoutAes) {
  hwcap = raspberry_pi_4;
  ASSERT_EQ(hwcap & (HWCAP_AES | HWCAP_SHA1 | HWCAP_SHA2 | HWCAP_PMULL), 0u);
  tconv::Target used = tconv::Target::automatic;
  const tconv::Status status = run_tiny_layer(tconv::Target::automatic, &used);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(used, tconv::Target::neon);
}

TEST_F(Hwcap, ExtensionsAreDetected) {
  hwcap = raspberry_pi_4;
  EXPECT_FALSE(tconv::arch::arm_features().half_arithmetic);
  EXPECT_FALSE(tconv::arch::arm_features().dot_product);
  hwcap = raspberry_pi_4 | HWCAP_FPHP;  // both kinds are needed
  EXPECT_FALSE(tconv::arch::arm_features().half_arithmetic);
  hwcap = raspberry_pi_4 | HWCAP_FPHP | HWCAP_ASIMDHP;
  EXPECT_TRUE(tconv::arch::arm_features().half_arithmetic);
  EXPECT_FALSE(tconv::arch::arm_features().dot_product);
  hwcap = raspberry_pi_4 | HWCAP_ASIMDDP;
  EXPECT_TRUE(tconv::arch::arm_features().dot_product);
  EXPECT_EQ(questions, 6);  // the library asked this program, not the kernel
}

#else

void expect_scalar(unsigned long capabilities) {
  hwcap = capabilities;
  tconv::Target used = tconv::Target::automatic;
  const tconv::Status status = run_tiny_layer(tconv::Target::automatic, &used);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(used, tconv::Target::scalar);
  const tconv::Status forced = run_tiny_layer(tconv::Target::neon, &used);
  EXPECT_EQ(forced.code(), tconv::StatusCode::unsupported);
  EXPECT_NE(std::strstr(forced.message(), "neon"), nullptr) << forced.message();
  EXPECT_GT(questions, 0);
}

TEST_F(Hwcap, NeonWithVfpv4IsChosen) {
  hwcap = HWCAP_NEON | HWCAP_VFPv4;
  tconv::Target used = tconv::Target::automatic;
  const tconv::Status status = run_tiny_layer(tconv::Target::automatic, &used);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(used, tconv::Target::neon);
}
TEST_F(Hwcap, NeonWithoutFusedMultiplyAddIsScalar) { expect_scalar(HWCAP_NEON | HWCAP_VFPv3); }
TEST_F(Hwcap, Vfpv4WithoutNeonIsScalar) { expect_scalar(HWCAP_VFPv4 | HWCAP_VFPv3); }
TEST_F(Hwcap, NothingIsScalar) { expect_scalar(0); }

#endif

}  // namespace
