#include "bench/ours.hpp"

#include <stdexcept>

#include "bench/our_layer.hpp"
#include "bench/thread_pool.hpp"

namespace tconv::bench {
namespace {

OurLayer::Choice choice_of(Layout layout, Algorithm algorithm, const Settings& settings) {
  OurLayer::Choice choice;
  choice.layout = layout;
  choice.target = settings.target;
  choice.algorithm = algorithm;
  choice.winograd = settings.winograd;
  if (settings.pool != nullptr) choice.parallelism = settings.pool->parallelism();
  return choice;
}

class Ours : public Contestant {
 public:
  Ours(const Case& c, Layout layout, Algorithm algorithm, const Settings& settings)
      : layer_(c.layer, choice_of(layout, algorithm, settings), layout == Layout::nchw ? c.input_nchw.data() : c.input_nhwc.data(),
               c.weights.data(), c.bias_or_null()) {
    // Once, so that an error of run() shows here and not in the timed loop.
    if (const Status s = layer_.run(); !s.ok()) throw std::runtime_error(s.message());
  }
  void run() override { (void)layer_.run().ok(); }
  void fill_output(float value) override { layer_.output().fill(value); }
  const float* output(Layout* layout) override {
    *layout = layer_.layout();
    return layer_.output().data();
  }
  Accuracy accuracy() const override { return layer_.accuracy(); }
  std::string layout() const override { return layer_.layout() == Layout::nchw ? "nchw" : "nhwc"; }
  std::string detail() const override {
    const std::string variant = layer_.variant();
    return std::string(layer_.algorithm()) + " " + target_name(layer_.target()) + (variant.empty() ? "" : " " + variant);
  }
  double packed_bytes() const override { return static_cast<double>(layer_.packed_bytes()); }
  double workspace_bytes() const override { return static_cast<double>(layer_.workspace_bytes()); }

 private:
  OurLayer layer_;
};

}  // namespace

std::unique_ptr<Contestant> make_ours(const Case& c, Layout layout, Algorithm algorithm, const Settings& settings) {
  return std::make_unique<Ours>(c, layout, algorithm, settings);
}

}  // namespace tconv::bench
