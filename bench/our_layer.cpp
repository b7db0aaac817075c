#include "bench/our_layer.hpp"

#include <cstring>
#include <stdexcept>

namespace tconv::bench {
namespace {

// bench-compare builds this file with libraries of older commits too. Those from before Winograd lack the option and the text;
// the template parameters put off the look-up, and the last argument prefers the first of two overloads that both fit.
template <typename Options>
auto allow_winograd(WinogradClass wanted, Options* options, int) -> decltype(static_cast<void>(options->winograd.accuracy)) {
  using Accuracy = decltype(options->winograd.accuracy);
  options->winograd.accuracy = wanted == WinogradClass::off      ? Accuracy::off
                               : wanted == WinogradClass::strict ? Accuracy::strict
                                                                 : Accuracy::standard;
}
template <typename Options>
void allow_winograd(WinogradClass, Options*, long) {}

template <typename Plan>
auto variant_of(const Plan& plan, int) -> decltype(std::string(plan.variant)) {
  return plan.variant;
}
template <typename Plan>
std::string variant_of(const Plan&, long) {
  return "";
}

}  // namespace

OurLayer::OurLayer(const Layer& layer, const Choice& choice, const float* input, const float* weights, const float* bias)
    : choice_(choice), input_(input) {
  Description d = layer.description;
  d.layout = choice.layout;
  Options options;
  options.target = choice.target;
  options.algorithm = choice.algorithm;
  options.cache = choice.cache;
  allow_winograd(choice.winograd, &options, 0);
  Result<ConvTranspose> created = ConvTranspose::create(d, weights, bias, options);
  if (!created.ok()) throw std::runtime_error(layer.name + ": " + created.status().message());
  operation_ = std::move(created.value());
  workspace_bytes_ = operation_.workspace_bytes(choice.parallelism.threads);
  workspace_ = Buffer(static_cast<int64_t>((workspace_bytes_ + sizeof(float) - 1) / sizeof(float)));
  output_ = Buffer(operation_.geometry().output_elements);
}

std::string OurLayer::variant() const { return variant_of(operation_.plan(), 0); }

Accuracy OurLayer::accuracy() const {
  if (std::strcmp(algorithm(), "strassen") == 0) return Accuracy::winograd_standard;
  if (std::strstr(algorithm(), "winograd") == nullptr) return Accuracy::direct;
  return choice_.winograd == WinogradClass::strict ? Accuracy::winograd_strict : Accuracy::winograd_standard;
}

}  // namespace tconv::bench
