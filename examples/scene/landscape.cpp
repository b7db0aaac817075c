#include "landscape.hpp"

#include <algorithm>
#include <cmath>

namespace scene {
namespace {

constexpr double horizon = 104;
constexpr Point sun = {168, 74};

double ridge(double x, double base, double height, double pitch, double seed) {
  return base - height * (noise(x / pitch + seed, seed, 7) - 0.25);
}

void branch(Canvas* canvas, Random* random, Point from, double angle, double length, double width, int depth) {
  const Point to = {from.x + length * std::cos(angle), from.y + length * std::sin(angle)};
  canvas->stroke(from, to, width, width * 0.72, mix(srgb(52, 36, 28), srgb(96, 66, 44), random->next(0, 0.5)));
  if (depth == 0) {
    for (int i = 0; i < 5; ++i) {
      const Point leaf = {to.x + random->next(-3, 3), to.y + random->next(-3, 3)};
      const Colour colour = mix(srgb(176, 72, 30), srgb(222, 164, 46), random->next(0, 1));
      const double turn = random->next(0, 3.1);
      const Point tip = {leaf.x + 1.1 * std::cos(turn), leaf.y + 1.1 * std::sin(turn)};
      canvas->stroke(leaf, tip, 0.75, 0.15, colour);
    }
    return;
  }
  const int children = depth > 5 ? 2 : 3;
  for (int i = 0; i < children; ++i) {
    const double spread = (i - (children - 1) / 2.0) * 0.62 + random->next(-0.22, 0.22);
    branch(canvas, random, to, angle + spread, length * random->next(0.68, 0.86), width * 0.66, depth - 1);
  }
}

}  // namespace

void paint_sky(Canvas* canvas) {
  canvas->fill_rectangle(0, 0, scene_width, scene_height, [](double x, double y) {
    const double t = std::clamp(y / horizon, 0.0, 1.0);
    Colour c = t < 0.6 ? mix(srgb(58, 96, 158), srgb(150, 180, 212), t / 0.6)
                       : mix(srgb(150, 180, 212), srgb(250, 206, 148), (t - 0.6) / 0.4);
    const double distance = std::hypot(x - sun.x, y - sun.y);
    c = c + srgb(255, 190, 110) * (0.8 * std::exp(-distance / 16));
    const double cloud = noise(x / 52 + y / 90, y / 11, 6);
    return mix(c, srgb(255, 240, 226), std::clamp((cloud - 0.52) * 4, 0.0, 0.9));
  });
  canvas->fill_circle(sun, 7, [](double, double) { return srgb(255, 248, 224); });
}

void paint_mountains(Canvas* canvas) {
  canvas->fill_where(
      0, 30, scene_width, horizon + 1, [](double x, double y) { return y > ridge(x, 86, 52, 64, 3.7); },
      [](double x, double y) {
        const double snow = noise(x / 6, y / 4, 5);
        const double height = y - ridge(x, 86, 52, 64, 3.7);
        return height < 14 * snow - 1 ? srgb(226, 230, 240) : mix(srgb(92, 104, 138), srgb(140, 146, 168), snow);
      });
  canvas->fill_where(
      0, 60, scene_width, horizon + 1, [](double x, double y) { return y > ridge(x, 98, 22, 31, 9.1); },
      [](double x, double y) { return mix(srgb(38, 58, 60), srgb(74, 92, 70), noise(x / 1.5, y / 1.5, 4)); });
  Random random(11);
  for (int i = 0; i < 260; ++i) {  // firs on the far shore
    const double x = random.next(0, scene_width);
    const double foot = random.next(horizon - 2.5, horizon);
    const double height = random.next(3, 8);
    canvas->fill_polygon({{x - height * 0.17, foot}, {x, foot - height}, {x + height * 0.17, foot}},
                         [](double, double) { return srgb(26, 44, 40); });
  }
}

void paint_lake(Canvas* canvas) {
  const Canvas above = *canvas;
  canvas->fill_rectangle(0, horizon, scene_width, 146, [&](double x, double y) {
    const double depth = y - horizon;
    const double ripple = std::sin(60 * std::log(1 + depth) + 3 * noise(x / 9, y, 3)) * (0.4 + depth / 14);
    const Colour mirrored = above.at(x + ripple, horizon - depth * 1.6 - ripple);
    return mix(mirrored * 0.82, srgb(30, 62, 88), 0.18 + depth / 120);
  });
}

void paint_meadow(Canvas* canvas) {
  canvas->fill_where(
      0, 138, scene_width, scene_height, [](double x, double y) { return y > 148 - 9 * noise(x / 70, 2.5, 4); },
      [](double x, double y) { return mix(srgb(64, 84, 30), srgb(122, 128, 52), noise(x / 4, y / 2, 5)); });
  Random random(5);
  for (int i = 0; i < 5200; ++i) {
    const double depth = std::sqrt(static_cast<double>(i) / 5200);
    const Point foot = {random.next(-3, scene_width + 3), 146 + 58 * depth};
    const double height = (1.5 + 9 * depth) * random.next(0.6, 1.2);
    const double lean = random.next(-0.4, 0.5) * height;
    const Point middle = {foot.x + lean * 0.3, foot.y - height * 0.6};
    const Point tip = {foot.x + lean, foot.y - height};
    const double dry = random.next(0, 0.35);
    const Colour fresh = mix(srgb(46, 74, 24), srgb(134, 148, 58), random.next(0, 1));
    const Colour colour = mix(fresh, srgb(206, 188, 110), dry);
    const double width = 0.18 + 0.55 * depth;
    canvas->stroke(foot, middle, width, width * 0.7, colour);
    canvas->stroke(middle, tip, width * 0.7, 0.06, colour);
    if (i % 41 == 0) {
      const Colour petal = i % 2 == 0 ? srgb(240, 240, 246) : srgb(214, 66, 74);
      for (int k = 0; k < 6; ++k) {
        const double turn = k * 1.0472;
        canvas->fill_circle({tip.x + 0.8 * depth * std::cos(turn), tip.y + 0.8 * depth * std::sin(turn)}, 0.2 + 0.45 * depth,
                            [=](double, double) { return petal; });
      }
      canvas->fill_circle(tip, 0.15 + 0.4 * depth, [](double, double) { return srgb(246, 204, 60); });
    }
  }
}

void paint_tree(Canvas* canvas) {
  Random random(29);
  branch(canvas, &random, {262, 176}, -1.62, 25, 7.5, 7);
}

void paint_fence(Canvas* canvas) {
  const auto wood = [](double x, double y) { return mix(srgb(196, 188, 172), srgb(120, 108, 94), noise(x * 1.3, y / 7, 4)); };
  for (double y : {161.0, 170.0}) canvas->fill_rectangle(112, y, 236, y + 1.6, wood);
  for (double x = 114; x < 236; x += 6.2) {
    canvas->fill_polygon({{x, 180}, {x, 156.5}, {x + 1.5, 153.5}, {x + 3, 156.5}, {x + 3, 180}}, wood);
    canvas->stroke({x + 3, 156.5}, {x + 3, 180}, 0.3, 0.3, srgb(70, 62, 54));
    for (double y : {161.8, 170.8}) canvas->fill_circle({x + 1.5, y}, 0.35, [](double, double) { return srgb(60, 52, 46); });
  }
}

void paint_wires(Canvas* canvas) {
  const Colour dark = srgb(34, 34, 40);
  for (int wire = 0; wire < 4; ++wire) {
    Point last = {0, 0};
    for (int i = 0; i <= 150; ++i) {
      const double x = 2.0 * i;
      const double span = (x - 190) / 200;
      const Point now = {x, 56 + 4 * wire - 40 * span * span};
      if (i > 0) canvas->stroke(last, now, 0.28, 0.28, dark);
      last = now;
    }
  }
  Random random(71);
  for (int i = 0; i < 13; ++i) {
    const double x = random.next(60, 215);
    const double span = (x - 190) / 200;
    const double y = 56 + 4 * static_cast<int>(random.next(0, 4)) - 40 * span * span;
    canvas->stroke({x, y - 1.6}, {x + 0.5, y - 0.3}, 1.5, 0.9, dark);
    canvas->fill_circle({x - 0.2, y - 2.3}, 0.62, [=](double, double) { return dark; });
    canvas->stroke({x + 0.5, y - 0.5}, {x + 1.3, y + 1.2}, 0.6, 0.2, dark);
  }
}

}  // namespace scene
