// How rows of T (planar.hpp) are split into blocks of rows, each the accumulators of one kernel.
//
// A kernel of r rows takes b neighbouring blocks of v vectors at once, as many as there are accumulators for; its r v b
// multiply-adds, two a cycle, need v b + r loads, two a cycle, and must not wait for each other: at least ten in flight, where the
// latency is four cycles and some are lost. So 9 rows on a target with 12 accumulators are 6 + 3 (3 of two blocks at once), which
// fill all of them, and not 5 + 4. Where a block alone has too few accumulators and two have too many (4 rows), a block and a half
// go by together.
#pragma once

#include <algorithm>
#include <cmath>

#include "arch/kernel_table.hpp"
#include "checked.hpp"

namespace tconv {

class RowBlocks {
 public:
  RowBlocks() = default;
  explicit RowBlocks(const arch::KernelTable& kernels)
      : largest_(static_cast<int64_t>(kernels.planar_rows)),
        half_rows_(static_cast<int64_t>(kernels.planar_half_rows)),
        vectors_(static_cast<double>(kernels.planar_vectors)) {
    // What fits into one block is one: the fused kernels rely on it.
    for (int64_t rows = 1; rows <= 2 * largest_; ++rows) {
      const int64_t most = std::min(rows, largest_);
      for (int64_t size = most; size > 0 && (size == most || rows > largest_); --size) {
        const double cycles = block_cycles(size) + of_block + cycles_[rows - size];
        if (size != most && cycles > cycles_[rows] - 0.01) continue;
        cycles_[rows] = cycles;
        first_[rows] = size;
      }
    }
  }

  // Rows of the first block of `rows` rows.
  int64_t first(int64_t rows) const { return rows > 2 * largest_ ? largest_ : first_[rows]; }

  // Of `rows` rows.
  int64_t count(int64_t rows) const {
    int64_t blocks = 0;
    each(rows, [&](int64_t, int64_t) { ++blocks; });
    return blocks;
  }

  // Calls f(first row, rows) for every block.
  template <typename Function>
  void each(int64_t rows, const Function& f) const {
    for (int64_t begin = 0; begin < rows;) {
      const int64_t size = first(rows - begin);
      f(begin, size);
      begin += size;
    }
  }

  // Cycles of `rows` rows per step of the sum and block of columns that has neighbours.
  double cycles(int64_t rows) const {
    double sum = 0;
    each(rows, [&](int64_t, int64_t size) { sum += block_cycles(size); });
    return sum;
  }
  // The same for the last columns, which need no more than one vector.
  double cycles_of_vector(int64_t rows) const {
    double sum = 0;
    each(rows, [&](int64_t, int64_t size) {
      sum += std::max({static_cast<double>(size) / 2, static_cast<double>(size + 1) / 2, latency});
    });
    return sum;
  }
  // Rows per cycle: how well they fill the kernels.
  double fill(int64_t rows) const {
    double sum = 0;
    each(rows, [&](int64_t, int64_t size) { sum += block_cycles(size) + of_block; });
    return static_cast<double>(rows) / sum;
  }

 private:
  static constexpr double latency = 4;
  static constexpr double of_block = 0.3;  // to read the columns once more

  double block_cycles(int64_t rows) const {
    const double r = static_cast<double>(rows);
    double together = std::clamp(std::floor(static_cast<double>(largest_) / r), 1.0, 4.0);
    if (rows == half_rows_) together = (vectors_ + 1) / vectors_;
    return std::max({r * vectors_ * together / 2, (vectors_ * together + r) / 2, 5.0}) / together;
  }

  int64_t largest_ = 1;
  int64_t half_rows_ = 0;
  double vectors_ = 1;
  double cycles_[2 * arch::KernelTable::max_planar_rows + 1] = {};
  int64_t first_[2 * arch::KernelTable::max_planar_rows + 1] = {};
};

}  // namespace tconv
