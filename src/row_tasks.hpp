// Cuts a layer into tasks: some output rows of one y-phase, of one plane of one image and channel group, and a part of the columns.
#pragma once

#include <algorithm>

#include "checked.hpp"
#include "digits.hpp"
#include "layer.hpp"

namespace tconv {

struct RowTask {
  const Layer* layer;
  int64_t image, group, plane;
  int64_t first_row;  // then every stride-th
  int64_t rows;       // may be 0
  int64_t first_part, last_part;

  // Channel 0 of the group of the image, at the origin.
  const float* input(const float* base, const Pitch& pitch) const {
    return base + image * pitch.batch + group * layer->in_per_group * pitch.channel;
  }
  // Channel 0 of the group, at the first row.
  template <typename T>
  T* output(T* base, const Pitch& pitch) const {
    return base + image * pitch.batch + group * layer->out_per_group * pitch.channel + plane * pitch.plane + first_row * pitch.row;
  }
};

class RowTasks {
 public:
  // `groups`: channel groups with tasks of their own. `parts`: pieces that the columns (or channels) of one row can be cut into.
  RowTasks(const Layer& layer, int64_t groups, const Parallelism& parallelism, int64_t rows_per_task, int64_t parts)
      : layer_(layer),
        groups_(groups),
        y_phases_(std::min(layer.axis(1).stride, layer.output(1))),
        rows_per_task_(rows_per_task),
        parts_(parts) {
    const int64_t rows = ceil_div(layer.output(1), layer.axis(1).stride);
    const int64_t outer = layer.description.batch * groups * layer.output(0) * y_phases_;
    // Enough tasks to keep the threads busy to the end; how they are cut changes no result.
    const int64_t wanted = parallelism.threads > 1 ? 4 * static_cast<int64_t>(parallelism.threads) : 1;
    while (outer * ceil_div(rows, rows_per_task_) * chunks_ < wanted) {
      if (chunks_ < parts) {
        chunks_ = std::min(parts, 2 * chunks_);
      } else if (rows_per_task_ > 1) {
        rows_per_task_ = ceil_div(rows_per_task_, 2);
      } else {
        break;
      }
    }
    row_blocks_ = ceil_div(rows, rows_per_task_);
    count_ = outer * row_blocks_ * chunks_;
  }

  int64_t count() const { return count_; }

  // Neighbouring tasks share their input.
  RowTask operator[](int64_t index) const {
    Digits digits(index);
    RowTask task{};
    task.layer = &layer_;
    const int64_t chunk = digits.next(chunks_);
    const OutputPhase phase = output_phase(layer_.axis(1), layer_.output(1), digits.next(y_phases_));
    const int64_t skipped = digits.next(row_blocks_) * rows_per_task_;
    task.plane = digits.next(layer_.output(0));
    task.group = digits.next(groups_);
    task.image = digits.rest();
    task.first_row = phase.first + skipped * layer_.axis(1).stride;
    task.rows = std::min(rows_per_task_, phase.count - skipped);
    task.first_part = parts_ * chunk / chunks_;
    task.last_part = parts_ * (chunk + 1) / chunks_;
    return task;
  }

 private:
  const Layer& layer_;
  int64_t groups_;
  int64_t y_phases_;
  int64_t rows_per_task_;
  int64_t parts_;
  int64_t chunks_ = 1;
  int64_t row_blocks_ = 1;
  int64_t count_ = 0;
};

}  // namespace tconv
