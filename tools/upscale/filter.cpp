#include "tools/upscale/filter.hpp"

#include <cmath>

namespace tools::upscale {
namespace {

constexpr const char* names[] = {"bilinear", "bicubic", "lanczos3"};
constexpr double pi = 3.14159265358979323846;

double sinc(double x) { return x == 0 ? 1.0 : std::sin(pi * x) / (pi * x); }

double keys(double x) {
  constexpr double a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

}  // namespace

const char* filter_name(Filter filter) { return names[static_cast<int>(filter)]; }

bool filter_from_name(const std::string& name, Filter* filter) {
  for (int i = 0; i < 3; ++i) {
    if (name == names[i]) {
      *filter = static_cast<Filter>(i);
      return true;
    }
  }
  return false;
}

int filter_radius(Filter filter) { return static_cast<int>(filter) + 1; }

double filter_value(Filter filter, double x) {
  x = std::fabs(x);
  if (x >= filter_radius(filter)) return 0;
  switch (filter) {
    case Filter::bilinear:
      return 1 - x;
    case Filter::bicubic:
      return keys(x);
    case Filter::lanczos3:
      break;
  }
  return sinc(x) * sinc(x / 3);
}

AxisFilter axis_filter(Filter filter, int scale) {
  const int kernel = 2 * scale * filter_radius(filter) - scale % 2;
  AxisFilter result;
  result.pad = (kernel - scale) / 2;
  for (int t = 0; t < kernel; ++t) result.taps.push_back(filter_value(filter, (t - (kernel - 1) / 2.0) / scale));
  for (int phase = 0; phase < scale; ++phase) {
    double sum = 0;
    for (int t = phase; t < kernel; t += scale) sum += result.taps[static_cast<size_t>(t)];
    for (int t = phase; t < kernel; t += scale) result.taps[static_cast<size_t>(t)] /= sum;
  }
  return result;
}

}  // namespace tools::upscale
