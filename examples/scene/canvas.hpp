// A supersampled canvas in linear light: shapes are painted without smoothing, and averaging the samples of a pixel smooths them.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace scene {

struct Colour {
  double r = 0, g = 0, b = 0;
};
inline Colour operator*(Colour c, double f) { return {c.r * f, c.g * f, c.b * f}; }
inline Colour operator+(Colour a, Colour b) { return {a.r + b.r, a.g + b.g, a.b + b.b}; }
inline Colour mix(Colour a, Colour b, double t) { return a * (1 - t) + b * t; }
// A colour given as sRGB numbers from 0 to 255, in linear light.
Colour srgb(int r, int g, int b);

struct Point {
  double x = 0, y = 0;
};

// Positions are in scene units: 300 wide, 200 high, y down.
constexpr double scene_width = 300;
constexpr double scene_height = 200;

class Canvas {
 public:
  static constexpr int oversampling = 6;  // samples per pixel and axis

  explicit Canvas(int width_pixels);

  int width() const { return width_; }
  int height() const { return height_; }

  using Paint = std::function<Colour(double x, double y)>;
  // Samples inside the shape get paint(x, y).
  void fill_where(double x0, double y0, double x1, double y1, const std::function<bool(double x, double y)>& inside,
                  const Paint& paint);
  void fill_rectangle(double x0, double y0, double x1, double y1, const Paint& paint);
  void fill_polygon(const std::vector<Point>& corners, const Paint& paint);
  void fill_circle(Point centre, double radius, const Paint& paint);
  // A stroke with round ends whose width goes from w0 to w1.
  void stroke(Point a, Point b, double w0, double w1, Colour colour);
  // The colour at a position, for reflections.
  Colour at(double x, double y) const;

  // 8-bit sRGB, [height, width, 3].
  std::vector<uint16_t> resolve() const;

 private:
  int width_;
  int height_;
  int columns_;  // of samples
  int rows_;
  double unit_;  // samples per scene unit
  std::vector<float> samples_;
};

// Random numbers that are the same everywhere (splitmix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  double next(double low, double high);

 private:
  uint64_t state_;
};

// Smooth noise in [0, 1] with detail down to 2^-octaves of its unit.
double noise(double x, double y, int octaves);

}  // namespace scene
