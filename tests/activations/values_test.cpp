// Known values, limits, NaN and signs of zero. The known values were computed with 60 digits (mpmath), so that neither the C
// library nor a formula shared with the code can hide a mistake.
#include <gtest/gtest.h>

#include "tests/activations/activation_cases.hpp"

namespace tconv::test {
namespace {

constexpr float known_x[] = {-87.0f, -13.0f, -5.5f, -1.0f, -0.625f, -0.0009765625f, 0.0009765625f, 0.4375f, 3.0f, 9.25f, 20.5f};
constexpr size_t known_count = sizeof(known_x) / sizeof(known_x[0]);
constexpr double known_y[][known_count] = {
    // tanh
    {-1.0, -0.99999999998978182, -0.99996659715630381, -0.76159415595576489, -0.55459972234938229, -0.00097656218955926022,
     0.00097656218955926022, 0.41157005567402245, 0.99505475368673045, 0.99999998152510085, 1.0},
    // sigmoid
    {1.6458114310822737e-38, 2.2603242979035745e-6, 0.0040701377158961273, 0.26894142136999512, 0.34864513533394576,
     0.49975585939440255, 0.50024414060559745, 0.60766316983289162, 0.95257412682243322, 0.99990389758450053, 0.99999999874984714},
    // silu
    {-1.4318559450415781e-36, -2.9384215872746468e-5, -0.0223857574374287, -0.26894142136999512, -0.2179032095837161,
     -0.00048804283143984624, 0.00048851966856015376, 0.26585263680189009, 2.8577223804672997, 9.2491110526566299,
     20.499999974371866},
    // gelu (at -87: -1.0e-1644)
    {0.0, -7.9523137194148436e-38, -1.0444259356238246e-7, -0.15865525393145705, -0.16624095565543783, -0.00048790078905392525,
     0.00048866171094607475, 0.29274245523211535, 2.9959503059051097, 9.25, 20.5},
    // elu, alpha = 1
    {-1.0, -0.99999773967059302, -0.99591322856153593, -0.63212055882855768, -0.46473857148100976, -0.00097608581802433777,
     0.0009765625, 0.4375, 3.0, 9.25, 20.5},
    // softplus
    {1.6458114310822737e-38, 2.2603268524403897e-6, 0.0040784432705707209, 0.31326168751822283, 0.42870067827651864,
     0.69265901851923012, 0.69363558101923012, 0.93563454751437535, 3.0485873515737421, 9.2500961070336325, 20.500000001250153},
};

constexpr float infinity = std::numeric_limits<float>::infinity();

float value(const ActivationTarget& target, const ActivationCase& activation, float x, float alpha = 1.0f) {
  (target.table->*activation.function)(&x, 1, alpha);
  return x;
}

TEST(ActivationValues, MatchKnownValues) {
  for (const ActivationTarget& target : activation_targets()) {
    for (size_t f = 0; f < std::size(activation_cases); ++f) {
      const ActivationCase& activation = activation_cases[f];
      for (size_t i = 0; i < known_count; ++i) {
        const double exact = known_y[f][i];
        EXPECT_NEAR(value(target, activation, known_x[i]), exact, bound_of(activation, target.target) * unit_in_last_place(exact))
            << activation.name << "(" << known_x[i] << ") on " << target_name(target.target);
        // The oracle of the accuracy test against the same values.
        EXPECT_NEAR(activation.exact(known_x[i], 1.0), exact, 1e-13 * std::fabs(exact))
            << activation.name << "(" << known_x[i] << ")";
      }
    }
  }
}

TEST(ActivationValues, NanGivesNan) {
  // Quiet, negative, with payload, signalling.
  for (uint32_t bits : {0x7fc00000u, 0xffc00000u, 0x7fffffffu, 0xffc12345u, 0x7f800001u, 0xff800001u}) {
    for (const ActivationTarget& target : activation_targets()) {
      for (const ActivationCase& activation : activation_cases) {
        for (float alpha : {1.0f, 0.0f, -2.0f}) {
          EXPECT_TRUE(std::isnan(value(target, activation, float_of(bits), alpha)))
              << activation.name << " on " << target_name(target.target) << ", NaN of bits 0x" << std::hex << bits;
        }
      }
    }
  }
}

TEST(ActivationValues, LimitsAtInfinity) {
  struct Limits {
    float minus, plus;
  };
  const Limits limits[] = {{-1, 1}, {0, 1}, {-0.0f, infinity}, {-0.0f, infinity}, {-1, infinity}, {0, infinity}};
  for (const ActivationTarget& target : activation_targets()) {
    for (size_t f = 0; f < std::size(activation_cases); ++f) {
      const ActivationCase& activation = activation_cases[f];
      const float big = std::numeric_limits<float>::max();
      for (float x : {-infinity, -big}) {
        EXPECT_EQ(bits_of(value(target, activation, x)), bits_of(limits[f].minus))
            << activation.name << "(" << x << ") on " << target_name(target.target) << " is " << value(target, activation, x);
      }
      EXPECT_EQ(value(target, activation, infinity), limits[f].plus) << activation.name << " on " << target_name(target.target);
      EXPECT_EQ(value(target, activation, big), limits[f].plus == 1 ? 1 : big)
          << activation.name << " on " << target_name(target.target);
    }
  }
}

TEST(ActivationValues, ZerosKeepTheirSignInOddFunctions) {
  for (const ActivationTarget& target : activation_targets()) {
    for (const char* name : {"tanh", "silu", "gelu", "elu"}) {
      for (const ActivationCase& activation : activation_cases) {
        if (std::strcmp(activation.name, name) != 0) continue;
        for (float zero : {0.0f, -0.0f}) {
          EXPECT_EQ(bits_of(value(target, activation, zero)), bits_of(zero)) << name << " on " << target_name(target.target);
        }
      }
    }
    EXPECT_EQ(value(target, activation_cases[1], -0.0f), 0.5f);
  }
}

// |f_vector - f_scalar| is at most the sum of both bounds: a check of the targets against each other without the oracle.
TEST(ActivationValues, VectorTargetsAgreeWithScalar) {
  std::vector<float> x;
  for (float v = -120.0f; v < 120.0f; v += 0.0097f) x.push_back(v);
  for (float v = 1e-42f; v < 1e38f; v *= 1.37f) {
    x.push_back(v);
    x.push_back(-v);
  }
  const std::vector<ActivationTarget> targets = activation_targets();
  for (const ActivationCase& activation : activation_cases) {
    std::vector<float> reference = x;
    (targets[0].table->*activation.function)(reference.data(), reference.size(), 1.25f);
    for (size_t t = 1; t < targets.size(); ++t) {
      std::vector<float> got = x;
      (targets[t].table->*activation.function)(got.data(), got.size(), 1.25f);
      for (size_t i = 0; i < x.size(); ++i) {
        const double allowed = (bound_of(activation, targets[t].target) + 0.51) * unit_in_last_place(reference[i]) +
                               1.25 * std::numeric_limits<float>::min();
        ASSERT_NEAR(got[i], reference[i], allowed) << activation.name << "(" << x[i] << ") on " << target_name(targets[t].target);
      }
    }
  }
}

}  // namespace
}  // namespace tconv::test
