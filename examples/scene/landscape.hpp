// The parts of the scene, painted from back to front.
#pragma once

#include "canvas.hpp"

namespace scene {

void paint_sky(Canvas* canvas);
void paint_mountains(Canvas* canvas);
void paint_lake(Canvas* canvas);
void paint_meadow(Canvas* canvas);
void paint_barn(Canvas* canvas);
void paint_tree(Canvas* canvas);
void paint_fence(Canvas* canvas);
void paint_wires(Canvas* canvas);

}  // namespace scene
