#include "canvas.hpp"

#include <algorithm>
#include <cmath>

namespace scene {
namespace {

uint64_t scramble(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

double lattice(int64_t x, int64_t y) {
  return static_cast<double>(
             scramble(static_cast<uint64_t>(x) * 0x9e3779b97f4a7c15ULL + static_cast<uint64_t>(y) * 0xd1b54a32d192ed03ULL) >> 11) *
         0x1p-53;
}

double smooth_noise(double x, double y) {
  const double fx = std::floor(x);
  const double fy = std::floor(y);
  const auto ix = static_cast<int64_t>(fx);
  const auto iy = static_cast<int64_t>(fy);
  const auto ease = [](double t) { return t * t * (3 - 2 * t); };
  const double u = ease(x - fx);
  const double v = ease(y - fy);
  const double top = lattice(ix, iy) * (1 - u) + lattice(ix + 1, iy) * u;
  const double bottom = lattice(ix, iy + 1) * (1 - u) + lattice(ix + 1, iy + 1) * u;
  return top * (1 - v) + bottom * v;
}

double decode(double v) { return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); }
double encode(double v) { return v <= 0.0031308 ? v * 12.92 : 1.055 * std::pow(v, 1 / 2.4) - 0.055; }

}  // namespace

Colour srgb(int r, int g, int b) { return {decode(r / 255.0), decode(g / 255.0), decode(b / 255.0)}; }

double Random::next(double low, double high) {
  state_ += 0x9e3779b97f4a7c15ULL;
  return low + (high - low) * static_cast<double>(scramble(state_) >> 11) * 0x1p-53;
}

double noise(double x, double y, int octaves) {
  double sum = 0;
  double weight = 0.5;
  double total = 0;
  for (int i = 0; i < octaves; ++i, weight /= 2, x = 2 * x + 17, y = 2 * y + 31) {
    sum += weight * smooth_noise(x, y);
    total += weight;
  }
  return sum / total;
}

Canvas::Canvas(int width_pixels)
    : width_(width_pixels),
      height_(static_cast<int>(std::lround(width_pixels * scene_height / scene_width))),
      columns_(width_ * oversampling),
      rows_(height_ * oversampling),
      unit_(columns_ / scene_width),
      samples_(static_cast<size_t>(columns_) * static_cast<size_t>(rows_) * 3) {}

void Canvas::fill_where(double x0, double y0, double x1, double y1, const std::function<bool(double x, double y)>& inside,
                        const Paint& paint) {
  const int left = std::max(0, static_cast<int>(std::floor(x0 * unit_)));
  const int right = std::min(columns_ - 1, static_cast<int>(std::ceil(x1 * unit_)));
  const int top = std::max(0, static_cast<int>(std::floor(y0 * unit_)));
  const int bottom = std::min(rows_ - 1, static_cast<int>(std::ceil(y1 * unit_)));
  for (int j = top; j <= bottom; ++j) {
    for (int i = left; i <= right; ++i) {
      const double x = (i + 0.5) / unit_;
      const double y = (j + 0.5) / unit_;
      if (!inside(x, y)) continue;
      const Colour c = paint(x, y);
      float* const sample = &samples_[(static_cast<size_t>(j) * static_cast<size_t>(columns_) + static_cast<size_t>(i)) * 3];
      sample[0] = static_cast<float>(c.r);
      sample[1] = static_cast<float>(c.g);
      sample[2] = static_cast<float>(c.b);
    }
  }
}

void Canvas::fill_rectangle(double x0, double y0, double x1, double y1, const Paint& paint) {
  fill_where(
      x0, y0, x1, y1, [=](double x, double y) { return x >= x0 && x < x1 && y >= y0 && y < y1; }, paint);
}

void Canvas::fill_polygon(const std::vector<Point>& corners, const Paint& paint) {
  double x0 = corners[0].x, x1 = x0, y0 = corners[0].y, y1 = y0;
  for (const Point& p : corners) {
    x0 = std::min(x0, p.x);
    x1 = std::max(x1, p.x);
    y0 = std::min(y0, p.y);
    y1 = std::max(y1, p.y);
  }
  const auto inside = [&](double x, double y) {
    bool odd = false;
    for (size_t i = 0, j = corners.size() - 1; i < corners.size(); j = i++) {
      const Point& a = corners[i];
      const Point& b = corners[j];
      if ((a.y > y) != (b.y > y) && x < (b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x) odd = !odd;
    }
    return odd;
  };
  fill_where(x0, y0, x1, y1, inside, paint);
}

void Canvas::fill_circle(Point c, double radius, const Paint& paint) {
  fill_where(
      c.x - radius, c.y - radius, c.x + radius, c.y + radius,
      [=](double x, double y) { return (x - c.x) * (x - c.x) + (y - c.y) * (y - c.y) < radius * radius; }, paint);
}

void Canvas::stroke(Point a, Point b, double w0, double w1, Colour colour) {
  const double dx = b.x - a.x;
  const double dy = b.y - a.y;
  const double length2 = std::max(dx * dx + dy * dy, 1e-12);
  const double reach = std::max(w0, w1) / 2;
  const auto inside = [=](double x, double y) {
    const double t = std::clamp(((x - a.x) * dx + (y - a.y) * dy) / length2, 0.0, 1.0);
    const double half = (w0 + (w1 - w0) * t) / 2;
    const double ex = x - a.x - t * dx;
    const double ey = y - a.y - t * dy;
    return ex * ex + ey * ey < half * half;
  };
  fill_where(std::min(a.x, b.x) - reach, std::min(a.y, b.y) - reach, std::max(a.x, b.x) + reach, std::max(a.y, b.y) + reach, inside,
             [=](double, double) { return colour; });
}

Colour Canvas::at(double x, double y) const {
  const int i = std::clamp(static_cast<int>(x * unit_), 0, columns_ - 1);
  const int j = std::clamp(static_cast<int>(y * unit_), 0, rows_ - 1);
  const float* const sample = &samples_[(static_cast<size_t>(j) * static_cast<size_t>(columns_) + static_cast<size_t>(i)) * 3];
  return {sample[0], sample[1], sample[2]};
}

std::vector<uint16_t> Canvas::resolve() const {
  std::vector<uint16_t> pixels;
  for (int y = 0; y < height_; ++y) {
    for (int x = 0; x < width_; ++x) {
      double sum[3] = {};
      for (int j = 0; j < oversampling; ++j) {
        const size_t row = static_cast<size_t>(y * oversampling + j) * static_cast<size_t>(columns_);
        const float* sample = &samples_[(row + static_cast<size_t>(x * oversampling)) * 3];
        for (int i = 0; i < oversampling * 3; ++i) sum[i % 3] += static_cast<double>(sample[i]);
      }
      for (double s : sum) {
        const double light = std::clamp(s / (oversampling * oversampling), 0.0, 1.0);
        pixels.push_back(static_cast<uint16_t>(std::floor(encode(light) * 255 + 0.5)));
      }
    }
  }
  return pixels;
}

}  // namespace scene
