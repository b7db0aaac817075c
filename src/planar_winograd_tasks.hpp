// Cuts a layer into tasks for planar Winograd: neighbouring rows of tiles of one plane.
#pragma once

#include <algorithm>

#include "checked.hpp"
#include "digits.hpp"
#include "planar_winograd.hpp"
#include "tasks.hpp"

namespace tconv::planar_winograd {

// Neighbouring tiles of one residue, in one plane of one image and channel group.
struct TileTask {
  int64_t image, group, plane, residue;
  int64_t first, last;
};

class TileTasks {
 public:
  TileTasks(const Layer& layer, const Plan& plan, const Parallelism& parallelism)
      : layer_(layer), plan_(plan), tiles_per_task_(plan.y.tiles) {
    const int64_t outer = layer.description.batch * layer.description.groups * layer.output(0) * plan.y.residues;
    // Enough tasks to keep the threads busy to the end; how they are cut changes no result.
    const int64_t wanted = parallelism.threads > 1 ? 4 * static_cast<int64_t>(parallelism.threads) : 1;
    while (tiles_per_task_ > 1 && outer * ceil_div(plan.y.tiles, tiles_per_task_) < wanted) {
      tiles_per_task_ = ceil_div(tiles_per_task_, 2);
    }
    blocks_ = ceil_div(plan.y.tiles, tiles_per_task_);
    count_ = outer * blocks_;
  }
  int64_t count() const { return count_; }
  TileTask operator[](int64_t index) const {
    Digits digits(index);
    TileTask task{};
    task.first = digits.next(blocks_) * tiles_per_task_;
    task.last = std::min(plan_.y.tiles, task.first + tiles_per_task_);
    task.residue = digits.next(plan_.y.residues);
    task.plane = digits.next(layer_.output(0));
    task.group = digits.next(layer_.description.groups);
    task.image = digits.rest();
    return task;
  }

 private:
  const Layer& layer_;
  const Plan& plan_;
  int64_t tiles_per_task_;
  int64_t blocks_ = 1;
  int64_t count_ = 0;
};

}  // namespace tconv::planar_winograd
