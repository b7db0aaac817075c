// Cuts a layer into tasks: an item of one plane of an image and channel group, and some of the chunks of lines. Those that no
// input reaches are one task more of each image and channel group.
#pragma once

#include <algorithm>

#include "checked.hpp"
#include "digits.hpp"
#include "layer.hpp"
#include "planar_tiles.hpp"

namespace tconv::planar {

class TilesTasks {
 public:
  TilesTasks(const Layer& layer, const TilesPlan& plan, const Parallelism& parallelism)
      : row_items_(ceil_div(plan.shape.input[1], plan.rows)),
        column_items_(ceil_div(plan.shape.input[2], plan.columns)),
        planes_(plan.shape.input[0]),
        groups_(layer.description.groups) {
    const int64_t items = layer.description.batch * groups_ * planes_ * row_items_ * column_items_;
    const int64_t wanted = parallelism.threads > 1 ? 4 * static_cast<int64_t>(parallelism.threads) : 1;
    parts_ = std::min(plan.chunks, ceil_div(wanted, items));
    count_ = items * parts_;
  }
  int64_t count() const { return count_; }
  int64_t parts() const { return parts_; }

  struct Item {
    int64_t image, group, plane, row, column, part;
  };
  // `row` and `column` count items.
  Item operator[](int64_t index) const {
    Digits digits(index);
    Item item{};
    item.part = digits.next(parts_);
    item.column = digits.next(column_items_);
    item.row = digits.next(row_items_);
    item.plane = digits.next(planes_);
    item.group = digits.next(groups_);
    item.image = digits.rest();
    return item;
  }

 private:
  int64_t row_items_, column_items_, planes_, groups_;
  int64_t parts_ = 1;
  int64_t count_ = 0;
};

}  // namespace tconv::planar
