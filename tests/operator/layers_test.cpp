// The benchmark's suite of real layers, each shrunk in space until the oracle can follow, on every target: channels, kernels,
// strides and paddings, which decide the algorithm, are the real ones.
#include <gtest/gtest.h>

#include "bench/layers.hpp"
#include "support/sweep.hpp"

namespace tconv_test {
namespace {

class RealLayers : public OnTarget {};

TEST_P(RealLayers, Shrunk) {
  std::vector<tconv::bench::Layer> layers;
  std::string error;
  ASSERT_TRUE(tconv::bench::load_layers(TCONV_TEST_LAYERS, &layers, &error)) << error;
  ASSERT_FALSE(layers.empty());
  const int64_t most = effort(400000, 12000000, 1000000000);
  Sweep sweep(GetParam(), "seed 91");
  int64_t ran = 0;
  for (const tconv::bench::Layer& layer : layers) {
    SCOPED_TRACE(layer.name);
    const tconv::Description d = tconv::bench::shrink(layer, most).description;
    if (layer_sizes(d).multiplications() > most) continue;  // its weights alone are more
    ++ran;
    Random random(91);
    const Problem problem = make_problem(d, random, Data::whole, layer.bias);
    for (tconv::Layout layout : all_layouts) {
      for (tconv::Algorithm algorithm : automatic_and_all_algorithms) {
        Variant variant;
        variant.layout = layout;
        variant.algorithm = algorithm;
        sweep.run_one(problem, variant);
      }
    }
  }
  EXPECT_GT(ran, static_cast<int64_t>(layers.size()) / 4) << "of " << layers.size() << " layers";
}

TCONV_INSTANTIATE_ON_TARGETS(RealLayers);

}  // namespace
}  // namespace tconv_test
