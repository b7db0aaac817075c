// The matrices of arch/cook_toom.hpp against plain filtering, in whole numbers and fractions: no rounding, no tolerance.
#include "arch/cook_toom.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace {

using tconv::arch::cook_toom::Rational;
namespace cook_toom = tconv::arch::cook_toom;
using Rationals = std::vector<Rational>;

Rationals random_numbers(std::mt19937& random, int count) {
  Rationals numbers;
  for (int i = 0; i < count; ++i) numbers.emplace_back(static_cast<int64_t>(random() % 19) - 9);
  return numbers;
}

// G in fractions, from its definition; weight_transform() is compared with it.
Rational weight_coefficient(int points, int taps, int point, int tap) {
  if (cook_toom::is_infinity(points, point)) return tap == taps - 1 ? 1 : 0;
  return cook_toom::power(cook_toom::finite_point(points, point), tap);
}

Rationals products(int points, const Rationals& d, const Rationals& g) {
  Rationals product;
  for (int p = 0; p < points; ++p) {
    Rational input, weight;
    for (int i = 0; i < points; ++i) input = input + cook_toom::input_transform(points, p, i) * d[static_cast<size_t>(i)];
    const int taps = static_cast<int>(g.size());
    for (int i = 0; i < taps; ++i) weight = weight + weight_coefficient(points, taps, p, i) * g[static_cast<size_t>(i)];
    product.push_back(input * weight);
  }
  return product;
}

Rationals filtered(int points, const Rationals& d, const Rationals& g) {
  const int outputs = points + 1 - static_cast<int>(g.size());
  const Rationals product = products(points, d, g);
  Rationals y;
  for (int t = 0; t < outputs; ++t) {
    Rational sum;
    for (int p = 0; p < points; ++p) {
      sum = sum + cook_toom::output_transform(points, outputs, t, p) * product[static_cast<size_t>(p)];
    }
    y.push_back(sum);
  }
  return y;
}

Rationals filtered_plainly(int points, const Rationals& d, const Rationals& g) {
  Rationals y;
  for (size_t t = 0; t + g.size() <= static_cast<size_t>(points); ++t) {
    Rational sum;
    for (size_t i = 0; i < g.size(); ++i) sum = sum + d[t + i] * g[i];
    y.push_back(sum);
  }
  return y;
}

// f(points, taps) for every domain and kernel.
template <typename Function>
void each_filter(const Function& f) {
  for (int points = cook_toom::fewest_points; points <= cook_toom::max_points; ++points) {
    for (int taps = 1; taps <= points; ++taps) {
      SCOPED_TRACE("points " + std::to_string(points) + ", taps " + std::to_string(taps));
      f(points, taps);
    }
  }
}

TEST(CookToom, RationalsStayInLowestTerms) {
  EXPECT_EQ(Rational(6, -4), Rational(-3, 2));
  EXPECT_EQ(Rational(1, 2) + Rational(1, 3), Rational(5, 6));
  EXPECT_EQ(Rational(1, 2) / Rational(-1, 4), Rational(-2));
  EXPECT_EQ(Rational(0, -7), Rational());
}

TEST(CookToom, PointsAreDifferent) {
  for (int points = cook_toom::fewest_points; points <= cook_toom::max_points; ++points) {
    EXPECT_EQ(cook_toom::finite_point(points, 0), Rational(0));
    for (int i = 0; i < points - 1; ++i) {
      for (int j = 0; j < i; ++j) EXPECT_NE(cook_toom::finite_point(points, i), cook_toom::finite_point(points, j));
    }
  }
}

TEST(CookToom, FiltersLikeThePlainSum) {
  std::mt19937 random(1);
  each_filter([&](int points, int taps) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      const Rationals d = random_numbers(random, points);
      const Rationals g = random_numbers(random, taps);
      EXPECT_EQ(filtered(points, d, g), filtered_plainly(points, d, g));
    }
  });
}

TEST(CookToom, WeightTransformRoundsNothing) {
  each_filter([](int points, int taps) {
    for (int p = 0; p < points; ++p) {
      for (int i = 0; i < taps; ++i) {
        EXPECT_EQ(cook_toom::weight_transform(points, taps, p, i), weight_coefficient(points, taps, p, i).value());
      }
    }
  });
}

TEST(CookToom, OuterZeroTapsDropAPoint) {
  std::mt19937 random(2);
  each_filter([&](int points, int taps) {
    if (taps < 2) return;
    const Rationals d = random_numbers(random, points);
    Rationals g = random_numbers(random, taps);
    g.back() = 0;
    EXPECT_EQ(products(points, d, g).back(), Rational());
    g.front() = 0;
    EXPECT_EQ(products(points, d, g).front(), Rational());
  });
}

TEST(CookToom, KernelsOfOneTapHaveOneWeight) {
  each_filter([](int points, int taps) {
    for (int p = 0; p < points - 1; ++p) EXPECT_EQ(cook_toom::weight_transform(points, taps, p, 0), 1.0);
  });
}

}  // namespace
