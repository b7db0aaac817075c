// The three oracles agree with each other, and their sizes with resolve()'s: what everything else is measured against.
#include "support/oracle.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/random_layer.hpp"

namespace tconv_test {
namespace {

Doubles random_doubles(Random& random, int64_t count) {
  Doubles values(static_cast<size_t>(count));
  for (double& v : values) v = static_cast<double>(uniform(random, -1000, 1000)) / 1000;
  return values;
}

// All three sum the same products; each sum of n terms is within gamma(n) of the exact one, relative to the sum of magnitudes.
void expect_same(const Doubles& a, const Doubles& b, double terms, const char* what, const tconv::Description& d) {
  ASSERT_EQ(a.size(), b.size()) << what << ": " << to_string(d);
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(a[i], b[i], 2 * gamma(terms, 0x1p-53) * terms) << what << ", element " << i << ": " << to_string(d);
  }
}

TEST(Oracle, ThreeDefinitionsAgree) {
  constexpr uint64_t seed = 20240611;
  Random random(seed);
  LayerLimits limits;
  limits.multiplications = 8000;
  limits.elements = 1200;
  limits.max_channels = 9;
  const int64_t rounds = effort(60, 600, 5000);
  for (int64_t round = 0; round < rounds && !HasFatalFailure(); ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    const tconv::Description d = random_layer(random, limits);
    const LayerSizes z = layer_sizes(d);
    const Doubles x = random_doubles(random, z.input_elements());
    const Doubles w = random_doubles(random, z.weight_elements());
    const Doubles scattered = scatter_oracle(z, x, w);
    const double terms = static_cast<double>(z.in_per_group() * z.taps());
    expect_same(scattered, zero_insertion_oracle(z, x, w), terms, "zero insertion", d);
    expect_same(scattered, matrix_oracle(z, x, w), terms, "matrix", d);
  }
}

TEST(Oracle, SizesAreThoseOfResolve) {
  constexpr uint64_t seed = 7;
  Random random(seed);
  for (int64_t round = 0; round < effort(500, 5000, 50000); ++round) {
    tconv::Description d = random_layer(random);
    d.activation = {};  // prelu would need slopes
    const LayerSizes z = layer_sizes(d);
    tconv::Geometry g;
    const tconv::Status status = tconv::resolve(d, &g);
    ASSERT_TRUE(status.ok()) << status.message() << "\nseed " << seed << ", round " << round << ": " << to_string(d);
    for (int a = 0; a < 3; ++a) {
      ASSERT_EQ(g.output[a], z.output[a]) << "axis " << a << " of three, seed " << seed << ": " << to_string(d);
      ASSERT_EQ(g.axis[a].pad_begin, z.pad_begin[a]) << "axis " << a << " of three, seed " << seed << ": " << to_string(d);
      ASSERT_EQ(g.axis[a].pad_end, z.pad_end[a]) << "axis " << a << " of three, seed " << seed << ": " << to_string(d);
    }
    ASSERT_EQ(g.input_elements, z.input_elements()) << to_string(d);
    ASSERT_EQ(g.output_elements, z.output_elements()) << to_string(d);
    ASSERT_EQ(g.weight_elements, z.weight_elements()) << to_string(d);
    ASSERT_EQ(g.taps, z.taps()) << to_string(d);
    ASSERT_EQ(g.multiplications, z.multiplications()) << to_string(d);
  }
}

TEST(Oracle, PitchesAndSpansAreThoseOfResolve) {
  Random random(11);
  for (int64_t round = 0; round < effort(200, 2000, 20000); ++round) {
    Problem p;
    p.layer = random_layer(random);
    p.layer.activation = {};
    p.sizes = layer_sizes(p.layer);
    Variant v;
    v.layout = chance(random, 0.5) ? tconv::Layout::nhwc : tconv::Layout::nchw;
    v.input_gaps = random_gaps(random);
    v.output_gaps = random_gaps(random);
    const tconv::Description d = described(p, v);
    tconv::Geometry g;
    const tconv::Status status = tconv::resolve(d, &g);
    ASSERT_TRUE(status.ok()) << status.message() << ": " << to_string(d);
    const TensorLayout in = tensor_layout(v.layout, d.batch, d.in_channels, p.sizes.input, v.input_gaps);
    const TensorLayout out = tensor_layout(v.layout, d.batch, d.out_channels, p.sizes.output, v.output_gaps);
    ASSERT_EQ(g.input_span, in.span) << to_string(d);
    ASSERT_EQ(g.output_span, out.span) << to_string(d);
    const int64_t filled[] = {g.output_pitch.batch, g.output_pitch.channel, g.output_pitch.plane, g.output_pitch.row,
                              g.output_pitch.pixel};
    for (int i = 0; i < 5; ++i) ASSERT_EQ(filled[i], out.distance[i]) << "level " << i << ": " << to_string(d);
  }
}

// One number worked out by hand for each definition: x = [1, 2], w = [3, 4, 5], stride 2, no padding:
// 1 * [3 4 5 . .] + 2 * [. . 3 4 5] = [3 4 11 8 10].
TEST(Oracle, WorkedExample) {
  tconv::Description d;
  d.rank = 1;
  d.axis[0].input = 2;
  d.axis[0].kernel = 3;
  d.axis[0].stride = 2;
  const LayerSizes z = layer_sizes(d);
  const Doubles expected = {3, 4, 11, 8, 10};
  EXPECT_EQ(scatter_oracle(z, {1, 2}, {3, 4, 5}), expected);
  EXPECT_EQ(zero_insertion_oracle(z, {1, 2}, {3, 4, 5}), expected);
  EXPECT_EQ(matrix_oracle(z, {1, 2}, {3, 4, 5}), expected);
}

TEST(Oracle, ActivationsAtKnownPoints) {
  using Kind = tconv::ActivationKind;
  const float slopes[] = {0.5f, -2.0f};
  const auto f = [&](Kind kind, double x, float alpha = 0, float beta = 0, int64_t channel = 0) {
    return activate({kind, alpha, beta, slopes}, x, channel);
  };
  EXPECT_EQ(f(Kind::none, -1.5), -1.5);
  EXPECT_EQ(f(Kind::relu, -1.5), 0);
  EXPECT_EQ(f(Kind::clamp, 7, 0, 6), 6);
  EXPECT_EQ(f(Kind::clamp, -7, -1, 6), -1);
  EXPECT_EQ(f(Kind::leaky_relu, -2, 0.25f), -0.5);
  EXPECT_EQ(f(Kind::prelu, -2, 0, 0, 0), -1);
  EXPECT_EQ(f(Kind::prelu, -2, 0, 0, 1), 4);
  EXPECT_NEAR(f(Kind::tanh, 1), 0.76159415595576489, 1e-15);
  EXPECT_NEAR(f(Kind::sigmoid, 1), 0.73105857863000488, 1e-15);
  EXPECT_NEAR(f(Kind::silu, 1), 0.73105857863000488, 1e-15);
  EXPECT_NEAR(f(Kind::gelu, 1), 0.84134474606854293, 1e-15);
  EXPECT_NEAR(f(Kind::gelu, -1), -0.15865525393145707, 1e-15);
  EXPECT_NEAR(f(Kind::elu, -1, 2), 2 * -0.63212055882855767, 1e-15);
  EXPECT_NEAR(f(Kind::hard_swish, 1), 1.0 / 6 + 0.5, 1e-15);
  EXPECT_EQ(f(Kind::hard_swish, -4), 0);
  EXPECT_EQ(f(Kind::hard_swish, 4), 4);
  EXPECT_NEAR(f(Kind::softplus, 1), 1.3132616875182228, 1e-15);
  for (int kind = 0; kind <= static_cast<int>(Kind::softplus); ++kind) {
    EXPECT_TRUE(std::isnan(f(static_cast<Kind>(kind), std::nan(""), -1, 1))) << kind;
  }
}

// The Lipschitz constants of the tolerance are upper bounds of every difference quotient on a fine grid, and tight.
TEST(Oracle, LipschitzConstants) {
  using Kind = tconv::ActivationKind;
  const float slopes[] = {-1.5f};
  for (int kind = 0; kind <= static_cast<int>(Kind::softplus); ++kind) {
    const tconv::Activation f{static_cast<Kind>(kind), -0.75f, 2.0f, slopes};
    double steepest = 0;
    for (double x = -12; x < 12; x += 1.0 / 512) {
      steepest = std::fmax(steepest, std::fabs(activate(f, x + 1.0 / 512, 0) - activate(f, x, 0)) * 512);
    }
    EXPECT_LE(steepest, lipschitz(f, 0) * (1 + 1e-9)) << kind;
    EXPECT_GE(steepest, lipschitz(f, 0) * 0.99) << kind;
  }
}

}  // namespace
}  // namespace tconv_test
