// What a thread's workspace holds while Winograd tiles are computed, in floats.
#pragma once

#include "winograd.hpp"

namespace tconv::winograd {

// Panels whose tiles are stored in turn.
constexpr int64_t stored_together = 4;

struct Workspace {
  int64_t pitch;        // of a tile in V
  int64_t point_pitch;  // of a point in V
  int64_t m_point;      // of a point in M
  int64_t panel_pitch;  // of a panel in M
  int64_t chunk;        // channels that are transformed together
  int64_t strip;        // tiles of a line that are transformed together
  int64_t pixels;       // of their windows
  int64_t source;       // rows copied before the transform: planar or activated input
  int64_t rows;         // rows transformed along y
  int64_t v;
  int64_t m;
  int64_t inner;  // some tiles of a line transformed along y
  int64_t inner_tiles;
  int64_t inner_panel;  // of a panel in `inner`
  int64_t outputs;      // NHWC strip of outputs before they are transposed into planes
  int64_t zeros;        // as long as a chunk or a panel

  size_t bytes() const { return static_cast<size_t>(source + rows + v + m + inner + outputs + zeros) * sizeof(float); }
};

// Of blocks of `lines` x `columns` tiles.
Workspace workspace(const Layer& layer, const Plan& plan, int64_t lines, int64_t columns);

}  // namespace tconv::winograd
