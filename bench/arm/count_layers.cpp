// Runs layers of the suite once, for QEMU's counting plug-in (bench/arm/counts.py drives it): ours in both layouts, with the plan's
// own choice, and, where it was found at build time, XNNPACK for the same layer. Spatial sizes are shrunk; channels, kernels and
// strides stay. Cache sizes are fixed, so that plans do not depend on the machine.
//
// One line a counted call: "LAYER WHO ALGORITHM MULTIPLICATIONS IMAGES"; multiplications as if nothing were cropped.
#include <cstdio>
#include <stdexcept>

#include "bench/arguments.hpp"
#include "bench/arm/markers.hpp"
#include "bench/our_layer.hpp"

#if TCONV_COUNT_XNNPACK
#include "bench/plugins/xnnpack.cpp"  // the peer's class, without the choice by time, which means nothing in an emulator
#endif

namespace tconv::bench {
namespace {

void count_ours(const Case& c, Layout layout, const Settings& settings) {
  OurLayer::Choice choice;
  choice.layout = layout;
  choice.target = settings.target;
  choice.winograd = settings.winograd;
  choice.cache = {32 << 10, 512 << 10, 4 << 20};
  const Buffer& input = layout == Layout::nchw ? c.input_nchw : c.input_nhwc;
  OurLayer ours(c.layer, choice, input.data(), c.weights.data(), c.bias_or_null());
  ours.output().fill(__builtin_nanf(""));
  tconv_count_begin();
  const Status s = ours.run();
  tconv_count_end();
  if (!s.ok()) throw std::runtime_error(c.layer.name + ": " + s.message());
  if (const std::string wrong = c.check(ours.output().data(), layout, ours.accuracy()); !wrong.empty())
    throw std::runtime_error(c.layer.name + ": " + wrong);
  std::printf("%s %s %s %.0f 1\n", c.layer.name.c_str(), layout == Layout::nchw ? "nchw" : "nhwc", ours.algorithm(),
              useful_flops(c.layer) / 2);
}

#if TCONV_COUNT_XNNPACK
// The peer is at its best with several rows a call: with one image, or with two and half the count.
void count_xnnpack(const Case& c) {
  static const xnn_allocator allocator = {nullptr, allocate, reallocate, aligned_deallocate, aligned_allocate, aligned_deallocate};
  static const xnn_status initialized = xnn_initialize(&allocator);
  require(initialized, "xnn_initialize");
  for (int images : {1, 2}) {
    try {
      Xnnpack peer(c, Settings(), images);
      peer.fill_output(__builtin_nanf(""));
      tconv_count_begin();
      peer.run();
      tconv_count_end();
      Layout layout = Layout::nchw;
      const std::string wrong = c.check(peer.output(&layout), Layout::nhwc, peer.accuracy());
      if (!wrong.empty()) throw std::logic_error(c.layer.name + ": xnnpack: " + wrong);
      std::printf("%s xnnpack igemm %.0f %d\n", c.layer.name.c_str(), useful_flops(c.layer) / 2, images);
    } catch (const std::runtime_error& e) {
      std::fprintf(stderr, "%s: xnnpack: %s\n", c.layer.name.c_str(), e.what());
      return;
    }
  }
}
#endif

int run(int argc, char** argv) {
  const Arguments arguments(argc, argv, {"layers", "tier", "layer-filter", "target", "winograd", "multiplications"}, {});
  const Settings settings = arguments.settings();
  const int limit = arguments.integer("multiplications", 4000000, 1000, 2000000000);
  for (const Layer& layer : arguments.layers()) {
    const Case c(shrink(layer, limit));
    count_ours(c, Layout::nhwc, settings);
    count_ours(c, Layout::nchw, settings);
#if TCONV_COUNT_XNNPACK
    count_xnnpack(c);
#endif
  }
  return 0;
}

}  // namespace
}  // namespace tconv::bench

int main(int argc, char** argv) { return tconv::bench::guarded("count_layers", tconv::bench::run, argc, argv); }
