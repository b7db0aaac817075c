// What the activation tests share: the functions with their exact values and error bounds, and the tables that this CPU can run.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "arch/activations/activations.hpp"
#include "arch/detect.hpp"
#include "tconv/targets.hpp"

namespace tconv::test {

struct ActivationCase {
  const char* name;
  arch::ActivationFunction arch::ActivationTable::*function;
  double (*exact)(double x, double alpha);
  // Largest error in units in the last place; the same figures stand in arch/activations/activations.hpp.
  double bound_x86;
  double bound_neon;
};

inline double exact_tanh(double x, double) { return std::tanh(x); }
inline double exact_sigmoid(double x, double) { return 1 / (1 + std::exp(-x)); }
inline double exact_silu(double x, double) { return std::isinf(x) && x < 0 ? -0.0 : x / (1 + std::exp(-x)); }
inline double exact_gelu(double x, double) { return std::isinf(x) && x < 0 ? -0.0 : x / 2 * std::erfc(-x / std::sqrt(2.0)); }
inline double exact_elu(double x, double alpha) { return x >= 0 ? x : alpha * std::expm1(x); }
inline double exact_softplus(double x, double) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

inline constexpr ActivationCase activation_cases[] = {
    {"tanh", &arch::ActivationTable::tanh, exact_tanh, 1.4, 2.0},
    {"sigmoid", &arch::ActivationTable::sigmoid, exact_sigmoid, 2.6, 4.0},
    {"silu", &arch::ActivationTable::silu, exact_silu, 3.7, 5.0},
    {"gelu", &arch::ActivationTable::gelu, exact_gelu, 7.3, 10.0},
    {"elu", &arch::ActivationTable::elu, exact_elu, 2.5, 2.5},
    {"softplus", &arch::ActivationTable::softplus, exact_softplus, 2.0, 2.5},
};

inline double bound_of(const ActivationCase& activation, Target target) {
  if (target == Target::scalar) return 0.51;
  return target == Target::neon ? activation.bound_neon : activation.bound_x86;
}

struct ActivationTarget {
  Target target;
  const arch::ActivationTable* table;
};

// The tables that are compiled in and that this CPU can run, scalar first.
inline std::vector<ActivationTarget> activation_targets() {
  std::vector<ActivationTarget> targets = {{Target::scalar, &arch::activations_scalar()}};
  [[maybe_unused]] const auto add = [&](Target target, const arch::ActivationTable& table) {
    if (arch::cpu_supports(target)) targets.push_back({target, &table});
  };
#if defined(__x86_64__) || defined(__i386__)
  add(Target::sse4, arch::activations_sse4());
  add(Target::avx2, arch::activations_avx2());
  add(Target::avx512, arch::activations_avx512());
#elif defined(__aarch64__) || defined(__arm__)
  add(Target::neon, arch::activations_neon());
#endif
  return targets;
}

inline uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float float_of(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// Distance between the floats next to `exact`.
inline double unit_in_last_place(double exact) {
  if (!(std::fabs(exact) >= std::numeric_limits<float>::min())) return std::ldexp(1.0, -149);
  return std::ldexp(1.0, std::ilogb(exact) - 23);
}

}  // namespace tconv::test
