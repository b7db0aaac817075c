// The transform kernels of every target against the matrices in double precision, with rows that end at a guard page.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "arch/cook_toom.hpp"
#include "arch/kernel_table.hpp"
#include "support/guard_buffer.hpp"
#include "support/sweep.hpp"

namespace tconv_test {
namespace {

namespace cook_toom = tconv::arch::cook_toom;
using tconv::arch::WinogradInput;
using tconv::arch::WinogradOutput;

constexpr float untouched = -12345.0f;

class WinogradKernels : public OnTarget {
 protected:
  void SetUp() override {
    ASSERT_TRUE(tconv::arch::kernel_table(GetParam(), &table_));
    if (table_.winograd_input[4] == nullptr) GTEST_SKIP() << "left out of this build";
  }

  tconv::arch::KernelTable table_;
  Random random_{7};
};

// Rows of `count` numbers, `stride` apart, the last of which ends at a page that may not be touched.
struct Rows {
  Rows(size_t count, size_t rows, size_t stride, Random* random)
      : stride(static_cast<ptrdiff_t>(stride)), buffer((stride * (rows - 1) + count) * sizeof(float), Placement::ends_at_guard, 4) {
    for (size_t i = 0; i < stride * (rows - 1) + count; ++i) {
      buffer.floats()[i] = random == nullptr ? untouched : static_cast<float>(uniform(*random, -1000, 1000)) / 1000.0f;
    }
  }
  float* data() const { return buffer.floats(); }
  float at(size_t row, size_t i) const { return data()[static_cast<ptrdiff_t>(row) * stride + static_cast<ptrdiff_t>(i)]; }

  ptrdiff_t stride;
  GuardBuffer buffer;
};
using RowsPointer = std::unique_ptr<Rows>;

RowsPointer rows(size_t count, size_t repeats, Random& random) {
  return std::make_unique<Rows>(count, repeats, count + static_cast<size_t>(uniform(random, 0, 5)), &random);
}

// Coefficients of the product of (x + |a_j|) over the finite points but one, over its |denominator|: no smaller than the magnitudes
// that any order of factors meets on the way.
double input_magnitude(int points, int point, int input) {
  cook_toom::Polynomial product;
  product.coefficient[0] = 1;
  for (int j = 0; j < points - 1; ++j) {
    const cook_toom::Rational a = cook_toom::finite_point(points, j);
    if (j != point) product = product.with_root(a.over > 0 ? -a : a);
  }
  return product.coefficient[input].value() / std::fabs(cook_toom::denominator(points, point).value());
}

TEST_P(WinogradKernels, Input) {
  const size_t lanes = table_.lanes;
  for (int points = cook_toom::fewest_points; points <= cook_toom::max_points; ++points) {
    double coefficient[cook_toom::max_points][cook_toom::max_points];
    double magnitude_of[cook_toom::max_points][cook_toom::max_points];
    for (int p = 0; p < points; ++p) {
      for (int i = 0; i < points; ++i) {
        coefficient[p][i] = cook_toom::input_transform(points, p, i).value();
        magnitude_of[p][i] = input_magnitude(points, p, i);
      }
    }
    for (size_t count : {size_t{1}, size_t{3}, lanes, lanes + 1, 2 * lanes, 3 * lanes - 1, 5 * lanes + 2}) {
      for (size_t repeats : {size_t{1}, size_t{3}}) {
        SCOPED_TRACE("seed 7, points " + std::to_string(points) + ", count " + std::to_string(count));
        std::vector<RowsPointer> from;
        WinogradInput parameters{};
        for (int i = 0; i < points; ++i) {
          from.push_back(rows(count, repeats, random_));
          parameters.from[i] = from.back()->data();
          parameters.from_stride[i] = from.back()->stride;
        }
        const size_t pitch = count + 2;
        const Rows to(count, static_cast<size_t>(points) * repeats, pitch, nullptr);
        parameters.to = to.data();
        parameters.to_point = static_cast<ptrdiff_t>(repeats * pitch);
        parameters.to_stride = static_cast<ptrdiff_t>(pitch);
        parameters.count = count;
        parameters.repeats = repeats;
        table_.winograd_input[points](parameters);
        for (int p = 0; p < points; ++p) {
          for (size_t r = 0; r < repeats; ++r) {
            const size_t row = static_cast<size_t>(p) * repeats + r;
            for (size_t c = 0; c < count; ++c) {
              double sum = 0;
              double magnitude = 0;
              for (int i = 0; i < points; ++i) {
                const double d = from[static_cast<size_t>(i)]->at(r, c);
                sum += coefficient[p][i] * d;
                magnitude += magnitude_of[p][i] * std::fabs(d);
              }
              // Rounded coefficients, products and at most as many sums as there are inputs, plus the difference and the pair.
              ASSERT_NEAR(to.at(row, c), sum, gamma(points + 4) * magnitude) << "point " << p << " of repeat " << r << " at " << c;
            }
            if (row + 1 < static_cast<size_t>(points) * repeats) {
              for (size_t c = count; c < pitch; ++c) ASSERT_EQ(to.at(row, c), untouched) << "beyond the row";
            }
          }
        }
        EXPECT_TRUE(to.buffer.surroundings_intact());
      }
    }
  }
}

// Pixels that end at a guard page, some rows missing, to blocks of planes.
TEST_P(WinogradKernels, Pixels) {
  if (table_.winograd_pixels[4] == nullptr) GTEST_SKIP() << "left out of this build";
  const size_t block = table_.planar_vectors * table_.lanes;
  for (int points = cook_toom::fewest_points; points <= cook_toom::max_points; ++points) {
    double coefficient[cook_toom::max_points][cook_toom::max_points];
    double magnitude_of[cook_toom::max_points][cook_toom::max_points];
    for (int p = 0; p < points; ++p) {
      for (int i = 0; i < points; ++i) {
        coefficient[p][i] = cook_toom::input_transform(points, p, i).value();
        magnitude_of[p][i] = input_magnitude(points, p, i);
      }
    }
    for (size_t pixels : {size_t{1}, size_t{2}, size_t{3}, block - 1, block, block + 3, 3 * block}) {
      for (size_t channels : {size_t{1}, size_t{4}, size_t{7}, size_t{16}, size_t{17}, size_t{35}}) {
        SCOPED_TRACE("seed 7, points " + std::to_string(points) + ", pixels " + std::to_string(pixels) + ", channels " +
                     std::to_string(channels));
        const size_t pitch = channels + static_cast<size_t>(uniform(random_, 0, 3));
        std::vector<RowsPointer> from;
        tconv::arch::WinogradPixels parameters{};
        for (int i = 0; i < points; ++i) {
          from.push_back(std::make_unique<Rows>(channels, pixels, pitch, &random_));
          if (uniform(random_, 0, 4) != 0) parameters.from[i] = from.back()->data();
        }
        const size_t blocks = (pixels + block - 1) / block;
        const size_t floats = blocks * channels * block;
        const size_t distance = floats + 16;
        GuardBuffer to((distance * static_cast<size_t>(points - 1) + floats) * sizeof(float), Placement::ends_at_guard, 64);
        std::fill(to.floats(), to.floats() + distance * static_cast<size_t>(points - 1) + floats, untouched);
        const size_t scratch_floats = static_cast<size_t>(points) * tconv::arch::WinogradPixels::channels_at_once * block;
        GuardBuffer scratch(scratch_floats * sizeof(float), Placement::ends_at_guard, 64);
        std::fill(scratch.floats(), scratch.floats() + scratch_floats, NAN);
        parameters.pixel = static_cast<ptrdiff_t>(pitch);
        parameters.pixels = pixels;
        parameters.channels = channels;
        parameters.to = to.floats();
        parameters.to_point = static_cast<ptrdiff_t>(distance);
        parameters.scratch = scratch.floats();
        parameters.asks = uniform(random_, 0, 1) == 1;
        table_.winograd_pixels[points](parameters);
        for (int p = 0; p < points; ++p) {
          const float* const row = to.floats() + static_cast<size_t>(p) * distance;
          for (size_t x = 0; x < blocks * block; ++x) {
            for (size_t c = 0; c < channels; ++c) {
              double sum = 0;
              double magnitude = 0;
              for (int i = 0; x < pixels && i < points; ++i) {
                if (parameters.from[i] == nullptr) continue;
                const double d = from[static_cast<size_t>(i)]->at(x, c);
                sum += coefficient[p][i] * d;
                magnitude += magnitude_of[p][i] * std::fabs(d);
              }
              ASSERT_NEAR(row[(x / block * channels + c) * block + x % block], sum, gamma(points + 4) * magnitude)
                  << "point " << p << ", pixel " << x << ", channel " << c;
            }
          }
          for (size_t i = floats; p + 1 < points && i < distance; ++i) ASSERT_EQ(row[i], untouched) << "between points";
        }
        EXPECT_TRUE(to.surroundings_intact());
        EXPECT_TRUE(scratch.surroundings_intact());
      }
    }
  }
}

struct OutputCase {
  int points;
  int outputs;
  size_t count;
  size_t repeats;
  bool has_first, has_last, finish, residual;
  int left_out;  // this output is not stored
  tconv::Activation activation;
};

void check_output(const tconv::arch::KernelTable& table, const OutputCase& test, Random& random) {
  const size_t count = test.count;
  const int first = test.has_first ? 0 : 1;
  const int last = test.has_last ? test.points : test.points - 1;
  const size_t pitch = count + 3;
  const Rows from(count, static_cast<size_t>(last - first) * test.repeats, pitch, &random);
  const RowsPointer bias = rows(count, 1, random);
  const RowsPointer slopes = rows(count, 1, random);
  std::vector<RowsPointer> to, residual;
  WinogradOutput parameters{};
  parameters.from = from.data();
  parameters.from_point = static_cast<ptrdiff_t>(pitch * test.repeats);
  parameters.from_stride = static_cast<ptrdiff_t>(pitch);
  parameters.has_first = test.has_first;
  parameters.has_last = test.has_last;
  for (int t = 0; t < test.outputs; ++t) {
    to.push_back(std::make_unique<Rows>(count, test.repeats, count + 1, nullptr));
    residual.push_back(std::make_unique<Rows>(count, test.repeats, count + 2, &random));
    if (t == test.left_out) continue;
    parameters.to[t] = to.back()->data();
    if (test.residual) parameters.residual[t] = residual.back()->data();
  }
  parameters.to_stride = static_cast<ptrdiff_t>(count + 1);
  parameters.residual_stride = static_cast<ptrdiff_t>(count + 2);
  parameters.count = count;
  parameters.repeats = test.repeats;
  if (test.finish) {
    parameters.bias = bias->data();
    parameters.slopes = slopes->data();
    parameters.epilogue = {test.activation.kind, test.activation.alpha, test.activation.beta};
  }
  table.winograd_output[test.points][test.outputs](parameters);

  std::vector<float> slope(count);
  for (size_t c = 0; c < count; ++c) slope[c] = slopes->at(0, c);
  tconv::Activation activation = test.activation;
  activation.slopes = slope.data();
  for (int t = 0; t < test.outputs; ++t) {
    const Rows& y = *to[static_cast<size_t>(t)];
    for (size_t r = 0; r < test.repeats; ++r) {
      for (size_t c = 0; c < count; ++c) {
        if (t == test.left_out) {
          ASSERT_EQ(y.at(r, c), untouched);
          continue;
        }
        double sum = 0;
        double magnitude = 0;
        const auto add = [&](double x) {
          sum += x;
          magnitude += std::fabs(x);
        };
        for (int p = first; p < last; ++p) {
          add(cook_toom::output_transform(test.points, test.outputs, t, p).value() *
              from.at(static_cast<size_t>(p - first) * test.repeats + r, c));
        }
        double bound = gamma(test.points + 4) * magnitude;
        double value = sum;
        if (test.finish) {
          add(bias->at(0, c));
          if (test.residual) add(residual[static_cast<size_t>(t)]->at(r, c));
          const int64_t channel = static_cast<int64_t>(c);
          value = activate(activation, sum, channel);
          bound = lipschitz(activation, channel) * gamma(test.points + 4) * magnitude +
                  activation_error(activation, std::fabs(sum) + bound, channel) +
                  activation_error(activation, -std::fabs(sum) - bound, channel);
        }
        ASSERT_NEAR(y.at(r, c), value, bound) << "output " << t << " of repeat " << r << " at " << c;
      }
      if (r + 1 < test.repeats) {
        ASSERT_EQ(y.at(r, count), untouched) << "beyond the row";
      }
    }
    EXPECT_TRUE(y.buffer.surroundings_intact());
  }
}

TEST_P(WinogradKernels, Output) {
  using Kind = tconv::ActivationKind;
  const tconv::Activation activations[] = {{Kind::none, 0, 0, nullptr},      {Kind::relu, 0, 0, nullptr},
                                           {Kind::clamp, -0.5f, 1, nullptr}, {Kind::leaky_relu, 0.25f, 0, nullptr},
                                           {Kind::prelu, 0, 0, nullptr},     {Kind::hard_swish, 0, 0, nullptr}};
  const size_t lanes = table_.lanes;
  for (int points = cook_toom::fewest_points; points <= cook_toom::max_points; ++points) {
    for (int outputs = 2; outputs < points; ++outputs) {
      for (size_t count : {size_t{1}, lanes, lanes + 1, 3 * lanes - 1}) {
        for (int variant = 0; variant < 16; ++variant) {
          const bool finish = variant % 2 == 1;
          const OutputCase test{points,
                                outputs,
                                count,
                                static_cast<size_t>(uniform(random_, 1, 3)),
                                variant / 2 % 2 == 1,
                                variant / 4 % 2 == 1,
                                finish,
                                finish && variant / 8 % 2 == 1,
                                static_cast<int>(uniform(random_, -1, outputs - 1)),
                                activations[uniform(random_, 0, 5)]};
          SCOPED_TRACE("seed 7, points " + std::to_string(points) + ", outputs " + std::to_string(outputs) + ", count " +
                       std::to_string(count) + ", variant " + std::to_string(variant) + ", activation " +
                       std::to_string(static_cast<int>(test.activation.kind)));
          ASSERT_NO_FATAL_FAILURE(check_output(table_, test, random_));
        }
      }
    }
  }
}

TEST_P(WinogradKernels, TableHasExactlyTheDomains) {
  for (int points = 0; points <= tconv::arch::max_points; ++points) {
    EXPECT_EQ(table_.winograd_input[points] != nullptr, points >= 3) << points;
    for (int outputs = 0; outputs < tconv::arch::max_points; ++outputs) {
      EXPECT_EQ(table_.winograd_output[points][outputs] != nullptr, points >= 3 && outputs >= 2 && outputs < points)
          << points << ", " << outputs;
    }
  }
}

TCONV_INSTANTIATE_ON_TARGETS(WinogradKernels);

}  // namespace
}  // namespace tconv_test
