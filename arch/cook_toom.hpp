// Minimal filtering F(m, R) by the Cook-Toom construction: m outputs of a filter of R taps in n = m + R - 1 multiplications.
//
//     y[t] = sum over i < R of  d[t + i] g[i],  t < m        computed as        y = A^T [(G g) o (B^T d)]
//
// Two polynomials of m and R coefficients are multiplied by their values at n - 1 points a_i and at infinity (the product of their
// leading coefficients), and interpolated with M_i(x) = product over finite j != i of (x - a_j), M(x) = product over all finite
// (x - a_j):
//
//     s(x) = s_infinity M(x) + sum over i of  s(a_i) M_i(x) / M_i(a_i)
//
// Filtering is the transpose of that product (Winograd, "Arithmetic Complexity of Computations", 1980, chapter III). Hence
//     B^T[i] = coefficients of M_i / M_i(a_i)    A^T[t][i] = a_i^t       G[i][tap] = a_i^tap       of a finite point,
//     B^T[i] = coefficients of M                 A^T[t][i] = (t = m - 1) G[i][tap] = (tap = R - 1) of infinity.
//
// The denominators stand in B^T, so that
//   - a kernel [w, 0, ...] has the weight w at every finite point;
//   - a kernel whose last tap is 0 has the weight 0 at infinity, and one whose first tap is 0 the weight 0 at point 0: those
//     products need not be made.
// Scaling a row of B^T by a power of two, and A^T or G by its inverse, would change no rounding.
#pragma once

#include <cstdint>

namespace tconv::arch {
namespace cook_toom {

constexpr int max_points = 8;
constexpr int fewest_points = 3;

// Exact, and always in lowest terms with a positive denominator.
struct Rational {
  int64_t over = 0;
  int64_t under = 1;

  constexpr Rational() = default;
  constexpr Rational(int64_t numerator, int64_t denominator = 1)  // NOLINT: implicit by design
      : over(numerator), under(denominator) {
    int64_t a = over < 0 ? -over : over;
    int64_t b = under < 0 ? -under : under;
    while (b != 0) {
      const int64_t rest = a % b;
      a = b;
      b = rest;
    }
    const int64_t sign = under < 0 ? -1 : 1;
    over /= sign * a;
    under /= sign * a;
  }

  constexpr double value() const { return static_cast<double>(over) / static_cast<double>(under); }

  friend constexpr Rational operator+(Rational a, Rational b) { return {a.over * b.under + b.over * a.under, a.under * b.under}; }
  friend constexpr Rational operator-(Rational a) { return {-a.over, a.under}; }
  friend constexpr Rational operator-(Rational a, Rational b) { return a + -b; }
  friend constexpr Rational operator*(Rational a, Rational b) { return {a.over * b.over, a.under * b.under}; }
  friend constexpr Rational operator/(Rational a, Rational b) { return {a.over * b.under, a.under * b.over}; }
  friend constexpr bool operator==(Rational a, Rational b) { return a.over == b.over && a.under == b.under; }
  friend constexpr bool operator!=(Rational a, Rational b) { return !(a == b); }
};

constexpr Rational power(Rational a, int exponent) {
  Rational result = 1;
  for (int i = 0; i < exponent; ++i) result = result * a;
  return result;
}

// coefficient[i] belongs to x^i.
struct Polynomial {
  Rational coefficient[max_points];

  constexpr Rational at(Rational x) const {
    Rational value;
    for (int i = max_points - 1; i >= 0; --i) value = value * x + coefficient[i];
    return value;
  }
  // this * (x - root); the degree must leave room.
  constexpr Polynomial with_root(Rational root) const {
    Polynomial product;
    for (int i = 0; i < max_points; ++i) {
      product.coefficient[i] = (i > 0 ? coefficient[i - 1] : Rational()) - root * coefficient[i];
    }
    return product;
  }
};

// The points 0 .. points - 2; the last one, points - 1, is infinity. Products and sums of them grow least, over R = 2 .. 5 and
// among fractions of small numbers (docs/winograd.md), with numbers beside their inverses, of opposite signs: an output's error
// follows
//     sum over i of  A^T[t][i]^2 |B^T[i]|^2 |G[i]|^2,
// the variances of the products that it is summed from. Opposite points also share most of their transforms.
constexpr Rational finite_point(int points, int i) {
  constexpr Rational ones[] = {0, 1, -1};
  constexpr Rational single[] = {0, -1, {2, 3}, {3, 2}};
  constexpr Rational inverse[] = {0, {2, 3}, {-2, 3}, {3, 2}, {-3, 2}};
  constexpr Rational paired[] = {0, 1, -1, {1, 2}, {-1, 2}, 2, -2};
  return points <= 4 ? ones[i] : points == 5 ? single[i] : points == 6 ? inverse[i] : paired[i];
}

constexpr bool is_infinity(int points, int i) { return i == points - 1; }

// Product of (x - a_j) over the finite points but `first_left_out` and `second_left_out` (-1: none).
constexpr Polynomial product_of_roots(int points, int first_left_out, int second_left_out) {
  Polynomial product;
  product.coefficient[0] = 1;
  for (int j = 0; j < points - 1; ++j) {
    if (j != first_left_out && j != second_left_out) product = product.with_root(finite_point(points, j));
  }
  return product;
}

// M_i(a_i); 1 for infinity.
constexpr Rational denominator(int points, int i) {
  return is_infinity(points, i) ? Rational(1) : product_of_roots(points, i, -1).at(finite_point(points, i));
}

// B^T[point][input]
constexpr Rational input_transform(int points, int point, int input) {
  return product_of_roots(points, is_infinity(points, point) ? -1 : point, -1).coefficient[input] / denominator(points, point);
}

// A^T[output][point] of a tile of `outputs`.
constexpr Rational output_transform(int points, int outputs, int output, int point) {
  if (is_infinity(points, point)) return output == outputs - 1 ? 1 : 0;
  return power(finite_point(points, point), output);
}

// Powers of the finite points, worked out by the compiler: every packed weight is a sum over some.
struct PointPowers {
  double value[max_points + 1][max_points - 1][max_points];
};
constexpr PointPowers powers_of_points() {
  PointPowers powers{};
  for (int points = fewest_points; points <= max_points; ++points) {
    for (int i = 0; i < points - 1; ++i) {
      for (int exponent = 0; exponent < points; ++exponent) {
        powers.value[points][i][exponent] = power(finite_point(points, i), exponent).value();
      }
    }
  }
  return powers;
}
constexpr PointPowers point_powers = powers_of_points();

// G[point][tap] of a kernel of `taps`.
constexpr double weight_transform(int points, int taps, int point, int tap) {
  if (is_infinity(points, point)) return tap == taps - 1 ? 1 : 0;
  return point_powers.value[points][point][tap];
}

}  // namespace cook_toom

using cook_toom::weight_transform;

}  // namespace tconv::arch
