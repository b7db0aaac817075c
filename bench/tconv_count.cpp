// Runs every layer of the suite once, in both layouts, for valgrind --tool=callgrind to count the instructions of run() alone
// (bench/counts.py drives it). Spatial sizes are shrunk so that the whole suite takes a minute in the emulator; channels, kernels
// and strides, and with them the algorithm, stay. Cache sizes are fixed, so that the plan is the same on every machine.
//
// Prints "compiler NAME", then one line "NAME ALGORITHM" a row, in the order of callgrind's dumps.
#include <valgrind/callgrind.h>

#include <cstdio>
#include <stdexcept>

#include "bench/arguments.hpp"
#include "bench/case.hpp"
#include "tconv/conv_transpose.hpp"

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

void count(const Layer& layer, Layout layout, Target target) {
  Description d = layer.description;
  d.layout = layout;
  Geometry g;
  if (const Status s = resolve(d, &g); !s.ok()) throw std::runtime_error(s.message());
  Options options;
  options.target = target;
  options.cache = {32 << 10, 512 << 10, 16 << 20};
  // Instructions do not depend on values, except for speed of denormals: all equal is enough, and quick to make.
  const Buffer input(g.input_elements, 0.5f), weights(g.weight_elements, 0.25f), bias(d.out_channels, 1.0f);
  Buffer output(g.output_elements);
  Result<ConvTranspose> op = ConvTranspose::create(d, weights.data(), layer.bias ? bias.data() : nullptr, options);
  if (!op.ok()) throw std::runtime_error(layer.name + ": " + op.status().message());
  const size_t bytes = op->workspace_bytes();
  Buffer workspace(static_cast<int64_t>(bytes / sizeof(float) + 1));
  const std::string name = std::string("f32/") + (layout == Layout::nchw ? "nchw/" : "nhwc/") + layer.name;
  std::printf("%s %s\n", name.c_str(), algorithm_name(op->plan().algorithm));
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  const Status s = op->run(input.data(), output.data(), workspace.data(), bytes);
  CALLGRIND_DUMP_STATS_AT(name.c_str());
  CALLGRIND_STOP_INSTRUMENTATION;
  if (!s.ok()) throw std::runtime_error(layer.name + ": " + s.message());
}

int run(int argc, char** argv) {
  const Arguments arguments(argc, argv, {"layers", "tier", "layer-filter", "target", "multiplications"}, {});
  const Target target = arguments.target();
  const int limit = arguments.integer("multiplications", 2000000, 1000, 2000000000);
  std::printf("compiler %s\n", compiler_id());
  for (const Layer& layer : arguments.layers()) {
    const Layer small = shrink(layer, limit);
    count(small, Layout::nchw, target);
    count(small, Layout::nhwc, target);
  }
  return 0;
}

}  // namespace
}  // namespace tconv::bench

int main(int argc, char** argv) {
  try {
    return tconv::bench::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tconv_count: %s\n", e.what());
    return 2;
  }
}
