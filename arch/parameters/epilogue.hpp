// What kernels do to a finished sum.
#pragma once

#include "tconv/types.hpp"

namespace tconv::arch {

// What happens to a finished sum before it is stored: f(x) for the clamp-like activations, which cost one or two instructions.
// The others (ActivationTable) run over memory that was just written.
struct Epilogue {
  ActivationKind kind = ActivationKind::none;  // none, relu, clamp, leaky_relu, prelu, hard_swish
  float alpha = 0;
  float beta = 0;
};

// Activations that are a minimum and a maximum, done to sums in registers.
constexpr bool is_clamp(ActivationKind kind) {
  return kind == ActivationKind::none || kind == ActivationKind::relu || kind == ActivationKind::clamp;
}

constexpr bool is_clamp_like(ActivationKind kind) {
  return is_clamp(kind) || kind == ActivationKind::leaky_relu || kind == ActivationKind::prelu ||
         kind == ActivationKind::hard_swish;
}

}  // namespace tconv::arch
