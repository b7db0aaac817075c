// Cuts a layer into tasks: periods of output rows (all y-phases of some q) of one plane of an image and channel group, and some of
// the chunks of output channels. All phases of a period share the copies of their input rows.
#pragma once

#include <algorithm>

#include "checked.hpp"
#include "digits.hpp"
#include "layer.hpp"

namespace tconv {

struct PeriodTask {
  int64_t image, group, plane;
  int64_t first, last;  // periods: output rows [first * stride, last * stride)
  int64_t first_chunk, last_chunk;
};

class PeriodTasks {
 public:
  // `groups`: channel groups with tasks of their own.
  PeriodTasks(const Layer& layer, int64_t groups, const Parallelism& parallelism, int64_t chunks)
      : layer_(layer), groups_(groups), periods_(ceil_div(layer.output(1), layer.axis(1).stride)), chunks_(chunks) {
    const int64_t outer = layer.description.batch * groups * layer.output(0);
    // Enough tasks to keep the threads busy to the end; how they are cut changes no result. Each part of the rows copies the rows
    // before it again, each part of the chunks all of them.
    const int64_t wanted = parallelism.threads > 1 ? 4 * static_cast<int64_t>(parallelism.threads) : 1;
    const int64_t reach = 1 + (layer.phases[1].most_taps() - 1) * layer.phases[1].input_step;
    const int64_t row_parts = std::clamp<int64_t>(periods_ / reach / 2, 1, ceil_div(wanted, outer));
    chunk_parts_ = std::min(chunks, ceil_div(wanted, outer * row_parts));
    row_parts_ = std::min(periods_, ceil_div(wanted, outer * chunk_parts_));
    count_ = outer * row_parts_ * chunk_parts_;
  }

  int64_t count() const { return count_; }

  PeriodTask operator[](int64_t index) const {
    Digits digits(index);
    PeriodTask task{};
    const int64_t chunk = digits.next(chunk_parts_);
    const int64_t rows = digits.next(row_parts_);
    task.plane = digits.next(layer_.output(0));
    task.group = digits.next(groups_);
    task.image = digits.rest();
    task.first = periods_ / row_parts_ * rows + std::min(rows, periods_ % row_parts_);
    task.last = task.first + periods_ / row_parts_ + (rows < periods_ % row_parts_ ? 1 : 0);
    task.first_chunk = chunks_ * chunk / chunk_parts_;
    task.last_chunk = chunks_ * (chunk + 1) / chunk_parts_;
    return task;
  }

 private:
  const Layer& layer_;
  int64_t groups_;
  int64_t periods_;
  int64_t chunks_;
  int64_t row_parts_ = 1;
  int64_t chunk_parts_ = 1;
  int64_t count_ = 0;
};

}  // namespace tconv
