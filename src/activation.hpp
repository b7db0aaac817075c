// How a layer's output activation is divided: clamp-like ones are fused into the store, the others run over what was just written.
#pragma once

#include "arch/kernel_table.hpp"
#include "tconv/types.hpp"

namespace tconv {

inline arch::Epilogue fused_epilogue(const Activation& activation) {
  if (!arch::is_clamp_like(activation.kind)) return {};
  return {activation.kind, activation.alpha, activation.beta};
}

// nullptr when the activation is fused.
inline arch::ActivationFunction unfused_activation(const arch::ActivationTable& table, ActivationKind kind) {
  switch (kind) {
    case ActivationKind::tanh:
      return table.tanh;
    case ActivationKind::sigmoid:
      return table.sigmoid;
    case ActivationKind::silu:
      return table.silu;
    case ActivationKind::gelu:
      return table.gelu;
    case ActivationKind::elu:
      return table.elu;
    case ActivationKind::softplus:
      return table.softplus;
    default:
      return nullptr;
  }
}

}  // namespace tconv
