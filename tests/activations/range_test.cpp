// A result depends on its element alone: bit-identical at every offset, in every split, among any neighbours; nothing outside the
// range is touched.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "tests/activations/activation_cases.hpp"

namespace tconv::test {
namespace {

constexpr uint32_t seed = 20240229;

// Ordinary values, every magnitude, and the special ones: neighbours of all kinds, so that shortcuts for "all lanes are small" and
// the like are taken in one split and not in the other.
std::vector<float> mixed_values(size_t n, uint32_t seed_of_call) {
  std::mt19937 random(seed_of_call);
  std::uniform_real_distribution<float> ordinary(-6.0f, 6.0f), wide(-100.0f, 100.0f), small(-0.5f, 0.5f);
  const float special[] = {0.0f,   -0.0f,   1.0f,  -1.0f,  INFINITY, -INFINITY, NAN,
                           1e-40f, -1e-40f, 3e38f, -3e38f, 0.625f,   -88.0f,    -104.0f};
  std::vector<float> x(n);
  size_t i = 0;
  while (i < n) {
    const uint32_t kind = random() % 5;
    const size_t run = 1 + random() % 40;
    for (size_t k = 0; k < run && i < n; ++k, ++i) {
      x[i] = kind == 0   ? ordinary(random)
             : kind == 1 ? wide(random)
             : kind == 2 ? small(random)
             : kind == 3 ? float_of(static_cast<uint32_t>(random()))
                         : special[random() % std::size(special)];
    }
  }
  return x;
}

// One element a call.
std::vector<float> one_by_one(arch::ActivationFunction function, std::vector<float> x) {
  for (float& v : x) function(&v, 1, 0.75f);
  return x;
}

// Bits, not values: NaNs and the signs of zeros count.
::testing::AssertionResult same_bits(const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& x) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (bits_of(a[i]) != bits_of(b[i])) {
      return ::testing::AssertionFailure() << "element " << i << ", x = " << x[i] << ": " << a[i] << " and " << b[i] << ", seed "
                                           << seed;
    }
  }
  return ::testing::AssertionSuccess();
}

TEST(ActivationRange, EveryOffsetAndLengthIsBitIdentical) {
  constexpr float guard = 12345.678f;
  for (const ActivationTarget& target : activation_targets()) {
    for (const ActivationCase& activation : activation_cases) {
      const arch::ActivationFunction function = target.table->*activation.function;
      for (size_t offset = 0; offset < 17; ++offset) {
        for (size_t n = 0; n <= 67; ++n) {
          const std::vector<float> x = mixed_values(n, seed + static_cast<uint32_t>(n));
          std::vector<float> buffer(offset + n + 40, guard);
          std::copy(x.begin(), x.end(), buffer.begin() + static_cast<long>(offset));
          function(buffer.data() + offset, n, 0.75f);
          const std::vector<float> got(buffer.begin() + static_cast<long>(offset), buffer.begin() + static_cast<long>(offset + n));
          ASSERT_TRUE(same_bits(got, one_by_one(function, x), x))
              << activation.name << " on " << target_name(target.target) << ", n = " << n << ", offset " << offset;
          for (size_t i = 0; i < buffer.size(); ++i) {
            if (i < offset || i >= offset + n) {
              ASSERT_EQ(buffer[i], guard) << activation.name << " wrote element " << i << " outside " << offset << " + " << n;
            }
          }
        }
      }
    }
  }
}

TEST(ActivationRange, RandomSplitsAreBitIdentical) {
  constexpr size_t n = 5003;
  std::mt19937 random(seed);
  for (const ActivationTarget& target : activation_targets()) {
    for (const ActivationCase& activation : activation_cases) {
      const arch::ActivationFunction function = target.table->*activation.function;
      const std::vector<float> x = mixed_values(n, seed);
      std::vector<float> whole = x;
      function(whole.data(), n, 0.75f);
      EXPECT_TRUE(same_bits(whole, one_by_one(function, x), x)) << activation.name << " on " << target_name(target.target);
      for (int trial = 0; trial < 20; ++trial) {
        std::vector<float> parts = x;
        for (size_t at = 0; at < n;) {
          const size_t count = std::min<size_t>(n - at, random() % 100);
          function(parts.data() + at, count, 0.75f);
          at += count;
        }
        ASSERT_TRUE(same_bits(whole, parts, x)) << activation.name << " on " << target_name(target.target) << ", trial " << trial;
      }
    }
  }
}

TEST(ActivationRange, NothingOutsideIsTouched) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  char* memory = static_cast<char*>(mmap(nullptr, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(mprotect(memory + page, page, PROT_READ | PROT_WRITE), 0);
  float* begin = reinterpret_cast<float*>(memory + page);
  float* end = reinterpret_cast<float*>(memory + 2 * page);
  for (const ActivationTarget& target : activation_targets()) {
    for (const ActivationCase& activation : activation_cases) {
      const arch::ActivationFunction function = target.table->*activation.function;
      for (size_t n = 0; n <= 50; ++n) {
        std::fill(begin, end, 0.5f);
        function(end - n, n, 1.0f);  // a read or write outside ends in a segmentation fault
        function(begin, n, 1.0f);
      }
      function(nullptr, 0, 1.0f);
    }
  }
  munmap(memory, 3 * page);
}

}  // namespace
}  // namespace tconv::test
