// Runs every layer of the suite once, in both layouts, for valgrind --tool=callgrind to count the instructions of run() alone
// (bench/counts.py drives it). Spatial sizes are shrunk so that the whole suite takes a minute in the emulator; channels, kernels
// and strides, and with them the algorithm, stay. Cache sizes are fixed, so that the plan is the same on every machine.
//
// Prints "compiler NAME", then one line "NAME ALGORITHM" a row, in the order of callgrind's dumps.
#include <valgrind/callgrind.h>

#include <cstdio>
#include <stdexcept>

#include "bench/arguments.hpp"
#include "bench/our_layer.hpp"

namespace tconv::bench {
namespace {

const char* compiler_id() {
  static char text[32];
#if defined(__clang__)
  std::snprintf(text, sizeof text, "clang-%d", __clang_major__);
#else
  std::snprintf(text, sizeof text, "gcc-%d", __GNUC__);
#endif
  return text;
}

void count(const Layer& layer, Layout layout, const Settings& settings) {
  Geometry g;
  if (const Status s = resolve(layer.description, &g); !s.ok()) throw std::runtime_error(s.message());
  OurLayer::Choice choice;
  choice.layout = layout;
  choice.target = settings.target;
  choice.winograd = settings.winograd;
  choice.cache = {32 << 10, 512 << 10, 16 << 20};
  // Instructions do not depend on values, except for speed of denormals: all equal is enough, and quick to make.
  const Buffer input(g.input_elements, 0.5f), weights(g.weight_elements, 0.25f), bias(layer.description.out_channels, 1.0f);
  OurLayer ours(layer, choice, input.data(), weights.data(), layer.bias ? bias.data() : nullptr);
  const std::string name = std::string("f32/") + (layout == Layout::nchw ? "nchw/" : "nhwc/") + layer.name;
  std::printf("%s %s\n", name.c_str(), ours.algorithm());
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  const Status s = ours.run();
  CALLGRIND_DUMP_STATS_AT(name.c_str());
  CALLGRIND_STOP_INSTRUMENTATION;
  if (!s.ok()) throw std::runtime_error(layer.name + ": " + s.message());
}

int run(int argc, char** argv) {
  const Arguments arguments(argc, argv, {"layers", "tier", "layer-filter", "target", "winograd", "multiplications"}, {});
  const Settings settings = arguments.settings();
  const int limit = arguments.integer("multiplications", 2000000, 1000, 2000000000);
  std::printf("compiler %s\n", compiler_id());
  for (const Layer& layer : arguments.layers()) {
    const Layer small = shrink(layer, limit);
    count(small, Layout::nchw, settings);
    count(small, Layout::nhwc, settings);
  }
  return 0;
}

}  // namespace
}  // namespace tconv::bench

int main(int argc, char** argv) { return tconv::bench::guarded("tconv_count", tconv::bench::run, argc, argv); }
