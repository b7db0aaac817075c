#include <algorithm>
#include <cstring>

#include "activation.hpp"
#include "checked.hpp"
#include "input_rows.hpp"
#include "outer_taps.hpp"
#include "planar.hpp"
#include "row_tasks.hpp"
#include "tasks.hpp"

namespace tconv::planar {
namespace {

// An input row that overlaps in a phase: of output row 0 of a task; that of the next row follows.
struct InputRow {
  int64_t phase;
  int64_t y;
  int64_t offset;  // of q_ in the copies
  float weight;
};

// One thread's workspace: floats first, each part a multiple of 16 of them.
struct WorkspaceLayout {
  int64_t copies;   // [z tap][input row] of blocks, or (direct) of t_pitch
  int64_t t;        // [row of T of a chunk][t_pitch]
  int64_t rows;     // finished rows of a chunk that are not made in place: [channel][strip of the output]
  int64_t periods;  // whole periods of phases of a row, or one phase where they are not interleaved in registers
  int64_t segment_bytes;
  int64_t term_bytes;
  int64_t input_row_bytes;  // direct
  size_t bytes() const {
    return static_cast<size_t>((copies + t + rows + periods) * static_cast<int64_t>(sizeof(float)) + segment_bytes + term_bytes +
                               input_row_bytes);
  }
};

int64_t rounded(int64_t x, int64_t unit) { return ceil_div(x, unit) * unit; }

// Rows finished elsewhere than in the output: those of NHWC with several channels, and those that wait for a residual.
bool rows_in_place(const Layer& layer) {
  const Description& d = layer.description;
  return !d.residual && (d.layout == Layout::nchw || (d.out_channels == 1 && layer.geometry.output_pitch.pixel == 1));
}

// One past the last output of the periods [q, q + count); the last period may be cut (stride * (q + count) need not fit in 63
// bits).
int64_t strip_end(const Layer& layer, int64_t q, int64_t count) {
  const int64_t periods = ceil_div(layer.output(2), layer.axis(2).stride);
  return q + count >= periods ? layer.output(2) : layer.axis(2).stride * (q + count);
}

WorkspaceLayout workspace_layout(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan) {
  const int64_t stride = layer.axis(2).stride;
  const int64_t block = static_cast<int64_t>(kernels.planar_vectors * kernels.lanes);
  const int64_t row = plan.direct ? plan.t_pitch : plan.x_blocks * block;
  const int64_t strip_output = strip_end(layer, 0, plan.strip);
  return {rounded(plan.copied_rows * layer.in_per_group * row, 16),
          plan.direct ? 0 : rounded(plan.chunk_channels * layer.axis(2).kernel * plan.t_pitch, 16),
          rows_in_place(layer) ? 0 : rounded((plan.chunk_channels + 1) * strip_output, 16),
          rounded(plan.strip * (stride > arch::KernelTable::max_overlap_phases ? 1 : stride), 16),
          rounded(plan.segments * static_cast<int64_t>(sizeof(arch::PlanarSegment)), 64),
          rounded(plan.terms * static_cast<int64_t>(sizeof(arch::OverlapTerm)), 64),
          plan.direct ? rounded(plan.terms * static_cast<int64_t>(sizeof(InputRow)), 64) : 0};
}

class Task {
 public:
  Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        arguments_(arguments),
        block_(static_cast<int64_t>(kernels.planar_vectors * kernels.lanes)),
        in_place_(rows_in_place(layer)),
        epilogue_(fused_epilogue(layer.description.activation)),
        activation_(unfused_activation(kernels.activations, layer.description.activation.kind)) {
    const WorkspaceLayout workspace = workspace_layout(layer, kernels, plan);
    unsigned char* const own = arguments.workspace + slot * workspace.bytes();
    copies_ = reinterpret_cast<float*>(own);
    t_ = copies_ + workspace.copies;
    rows_buffer_ = t_ + workspace.t;
    periods_ = rows_buffer_ + workspace.rows;
    segment_ = reinterpret_cast<arch::PlanarSegment*>(periods_ + workspace.periods);
    term_ = reinterpret_cast<arch::OverlapTerm*>(reinterpret_cast<unsigned char*>(segment_) + workspace.segment_bytes);
    input_row_ = reinterpret_cast<InputRow*>(reinterpret_cast<unsigned char*>(term_) + workspace.term_bytes);
  }

  // The parts of a task are chunks of output channels.
  void run(const RowTask& task) {
    const Geometry& g = layer_.geometry;
    const Axis& x = g.axis[2];
    z_ = outer_taps(layer_, 0, task.plane);
    y_ = outer_taps(layer_, 1, task.first_row);
    live_ = z_.phase != nullptr && y_.phase != nullptr;
    group_ = task.group;
    rows_ = task.rows;
    input_ = task.input(arguments_.input, g.input_pitch);
    output_ = task.output(arguments_.output, g.output_pitch);
    if (arguments_.residual != nullptr) residual_ = task.output(arguments_.residual, g.residual_pitch);
    const int64_t q_end = ceil_div(g.output[2], x.stride);
    for (q_ = 0; q_ < q_end; q_ += plan_.strip) {
      count_ = std::min(plan_.strip, q_end - q_);
      begin_ = x.stride * q_;
      end_ = strip_end(layer_, q_, count_);
      window_ = q_ - plan_.largest_shift;
      x_begin_ = std::clamp<int64_t>(window_, 0, x.input);
      x_end_ = std::clamp<int64_t>(window_ + count_ + plan_.reach, x_begin_, x.input);
      if (live_) copy_inputs();
      if (live_ && !plan_.direct) clear_margins();
      if (plan_.direct) {
        for (int64_t channel = task.first_part; channel < task.last_part; ++channel) direct_channel(channel);
        continue;
      }
      for (int64_t row = 0; row < rows_; ++row) {
        for (int64_t chunk = task.first_part; chunk < task.last_part; ++chunk) {
          first_channel_ = chunk * plan_.chunk_channels;
          channels_ = std::min(plan_.chunk_channels, layer_.out_per_group - first_channel_);
          if (live_) multiply(row);
          for (int64_t c = 0; c < channels_; ++c) finish_row(row, c);
          if (!in_place_ && layer_.description.layout == Layout::nhwc) store_pixels(row);
        }
      }
    }
  }

 private:
  void direct_channel(int64_t channel) {
    first_channel_ = channel;
    channels_ = 1;
    if (live_) list_input_rows();
    for (int64_t row = 0; row < rows_;) {
      const int64_t rows = rows_alike(row);
      if (rows > 1) {
        finish_rows(row, rows);
      } else {
        finish_row(row, 0);
        if (!in_place_ && layer_.description.layout == Layout::nhwc) store_pixels(row);
      }
      row += rows;
    }
  }

  // How many rows from `row` on may be done at once: they meet the same taps, and are whole rows of the output.
  int64_t rows_alike(int64_t row) const {
    const Axis& x = layer_.axis(2);
    if (!in_place_ || x.stride > arch::KernelTable::max_overlap_phases || !whole_periods()) return 1;
    if (!live_) return rows_ - row;
    const int64_t first = y_.input(y_.taps - 1, row);
    if (first < 0 || !inside(1, y_.input(0, row))) return 1;
    return std::min(rows_ - row, layer_.axis(1).input - y_.input(0, row));
  }

  bool whole_periods() const { return (end_ - begin_) % layer_.axis(2).stride == 0; }

  void finish_rows(int64_t row, int64_t rows) {
    const Geometry& g = layer_.geometry;
    const size_t parameter = static_cast<size_t>(group_ * layer_.out_per_group + first_channel_);
    const arch::RowEpilogue e{plan_.bias[parameter], plan_.slopes.size() != 0 ? plan_.slopes[parameter] : 0.0f, epilogue_};
    const int64_t pitch = neighbour_distance(rows, g.axis[1].stride, g.output_pitch.row);
    float* const y = output_ + first_channel_ * g.output_pitch.channel + row * pitch + begin_;
    overlap_rows(row, 0, e, y, static_cast<size_t>(rows), row_floats(), pitch);
    for (int64_t i = 0; activation_ != nullptr && i < rows; ++i) {
      activation_(y + i * pitch, static_cast<size_t>(end_ - begin_), layer_.description.activation.alpha);
    }
  }

  int64_t row_floats() const { return layer_.in_per_group * (plan_.direct ? plan_.t_pitch : plan_.x_blocks * block_); }
  float* copy_of(int64_t jz, int64_t iy) const {
    return copies_ + ((jz - first_z_tap_) * copied_rows_ + iy - first_copied_row_) * row_floats();
  }
  bool inside(int a, int64_t i) const { return i >= 0 && i < layer_.axis(a).input; }

  void copy_inputs() {
    const Geometry& g = layer_.geometry;
    first_copied_row_ = std::max<int64_t>(0, y_.input(y_.taps - 1));
    const int64_t end = std::min(g.axis[1].input, y_.input(0, rows_ - 1) + 1);
    copied_rows_ = std::max<int64_t>(0, end - first_copied_row_);
    first_z_tap_ = -1;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      const int64_t iz = z_.input(jz);
      if (!inside(0, iz)) continue;
      if (first_z_tap_ < 0) first_z_tap_ = jz;
      for (int64_t iy = first_copied_row_; iy < end; ++iy) {
        const float* const row = input_ + iz * g.input_pitch.plane + iy * g.input_pitch.row;
        float* const to = copy_of(jz, iy);
        if (plan_.direct) {
          copy_channel_row(layer_, kernels_, row, window_, window_ + plan_.t_pitch, to);
        } else {
          const int64_t first = x_begin_ + columns_in_place();
          copy_blocks(layer_, kernels_, row, first, ceil_div(x_end_ - first, block_), block_, to);
        }
      }
    }
  }

  // T is written for the columns [x_begin, x_end); the taps reach beyond, where it is zero.
  void clear_margins() {
    const int64_t lanes = static_cast<int64_t>(kernels_.lanes);
    const bool none = x_begin_ == x_end_;  // the strip lies beyond the reach of all taps
    const int64_t first = none ? plan_.t_pitch : x_begin_ - window_;
    const int64_t last = none ? plan_.t_pitch : first + ceil_div(x_end_ - x_begin_, lanes) * lanes;
    for (int64_t row = 0; row < plan_.chunk_channels * layer_.axis(2).kernel; ++row) {
      float* const t = t_ + row * plan_.t_pitch;
      std::memset(t, 0, static_cast<size_t>(first) * sizeof(float));
      std::memset(t + last, 0, static_cast<size_t>(plan_.t_pitch - last) * sizeof(float));
    }
  }

  // T of one chunk of channels.
  void multiply(int64_t row) {
    const int64_t kernel = layer_.axis(2).kernel;
    const int64_t number = z_.number * static_cast<int64_t>(layer_.phases[1].live.size()) + y_.number;
    const int64_t steps = z_.taps * y_.taps * layer_.in_per_group;
    const float* weights = plan_.weights.data() + group_ * plan_.group_weights + plan_.weights_at[static_cast<size_t>(number)] +
                           steps * first_channel_ * kernel;
    const int64_t t_rows = channels_ * kernel;
    const int64_t blocks = row_blocks(t_rows, static_cast<int64_t>(kernels_.planar_rows));
    const int64_t in_place = columns_in_place();
    for (int64_t b = 0; b < blocks; ++b) {
      const RowBlock block = row_block(t_rows, blocks, b);
      const int64_t size = block.end - block.begin;
      arch::PlanarTile tile{};
      tile.segment = segment_;
      tile.channels = static_cast<size_t>(layer_.in_per_group);
      tile.t = t_ + block.begin * plan_.t_pitch + x_begin_ - window_;
      tile.t_stride = plan_.t_pitch;
      if (in_place != 0) {
        const Pitch& pitch = layer_.geometry.input_pitch;
        tile.segments = list_segments(row, size, weights, [&](int64_t jz, int64_t iy) {
          return input_ + z_.input(jz) * pitch.plane + iy * pitch.row + x_begin_;
        });
        tile.channel_stride = pitch.channel;
        tile.block_stride = block_;
        tile.count = static_cast<size_t>(in_place);
        kernels_.planar[size - 1](tile);
        tile.t += in_place;
      }
      if (x_begin_ + in_place < x_end_ || in_place == 0) {
        tile.segments = list_segments(row, size, weights, [&](int64_t jz, int64_t iy) { return copy_of(jz, iy); });
        tile.channel_stride = block_;
        tile.block_stride = layer_.in_per_group * block_;
        tile.count = static_cast<size_t>(x_end_ - x_begin_ - in_place);
        kernels_.planar[size - 1](tile);
      }
      weights += steps * size;
    }
  }

  // Columns of the strip that are read where they lie: whole blocks, so that no vector reaches beyond the row.
  int64_t columns_in_place() const { return plan_.in_place ? (x_end_ - x_begin_) / block_ * block_ : 0; }

  // The (z, y) taps that meet the image in output row `row`; `place(jz, iy)` is where their input row is.
  template <typename Place>
  size_t list_segments(int64_t row, int64_t block_rows, const float* weights, const Place& place) {
    size_t n = 0;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      for (int64_t jy = 0; jy < y_.taps; ++jy, weights += layer_.in_per_group * block_rows) {
        const int64_t iy = y_.input(jy, row);
        if (inside(0, z_.input(jz)) && inside(1, iy)) segment_[n++] = {place(jz, iy), weights};
      }
    }
    return n;
  }

  // The terms that reach phase `phase` in channel c of the chunk, appended at `at`; returns the end. Their x begins at q_.
  size_t append_terms(int64_t row, int64_t c, int64_t phase, size_t at) {
    if (!live_) return at;
    if (plan_.direct) return append_input_rows(row, phase, at);
    const int64_t kernel = layer_.axis(2).kernel;
    const LivePhase* const taps = live_phase(phase);
    for (int64_t j = 0; taps != nullptr && j < taps->taps; ++j) {
      const int64_t t = taps->first_tap + j * layer_.phases[2].tap_step;
      const int64_t shift = plan_.x_taps[static_cast<size_t>(t)].shift;
      term_[at++] = {t_ + (c * kernel + t) * plan_.t_pitch + plan_.largest_shift - shift, 1.0f};
    }
    return at;
  }

  // The phase counted from output 0; nullptr for a dead one.
  const LivePhase* live_phase(int64_t phase) const {
    const Axis& x = layer_.axis(2);
    const int64_t below = x.pad_begin % x.stride - (x.stride - phase);  // (phase + p) mod s - s, or that itself
    return layer_.phases[2].find(below >= 0 ? below : below + x.stride);
  }

  // Direct: which input rows overlap in a phase, and with which weights, is the same for all rows of a task but for those at the
  // borders.
  void list_input_rows() {
    const Axis* const axis = layer_.geometry.axis;
    const float* const weights = plan_.weights.data() + (group_ * layer_.out_per_group + first_channel_) * layer_.geometry.taps;
    direct_terms_ = 0;
    for (const LivePhase& x : layer_.phases[2].live) {
      for (int64_t jx = 0; jx < x.taps; ++jx) {
        const int64_t t = x.first_tap + jx * layer_.phases[2].tap_step;
        const int64_t from = plan_.largest_shift - plan_.x_taps[static_cast<size_t>(t)].shift;
        for (int64_t jz = 0; jz < z_.taps; ++jz) {
          if (!inside(0, z_.input(jz))) continue;
          for (int64_t jy = 0; jy < y_.taps; ++jy) {
            if (y_.input(jy, rows_ - 1) < 0 || y_.input(jy) >= axis[1].input) continue;  // beyond the image for all rows
            const int64_t tz = z_.phase->first_tap + jz * layer_.phases[0].tap_step;
            const int64_t ty = y_.phase->first_tap + jy * layer_.phases[1].tap_step;
            input_row_[direct_terms_++] = {
                plan_.x_taps[static_cast<size_t>(t)].phase, y_.input(jy),
                ((jz - first_z_tap_) * copied_rows_ + y_.input(jy) - first_copied_row_) * row_floats() + from,
                weights[(tz * axis[1].kernel + ty) * axis[2].kernel + t]};
          }
        }
      }
    }
  }

  size_t append_input_rows(int64_t row, int64_t phase, size_t at) {
    for (size_t i = 0; i < direct_terms_; ++i) {
      const InputRow& r = input_row_[i];
      if (r.phase == phase && inside(1, r.y + row)) term_[at++] = {copies_ + r.offset + row * row_floats(), r.weight};
    }
    return at;
  }

  // Outputs [begin_, end_) of channel c of the chunk.
  void finish_row(int64_t row, int64_t c) {
    const Geometry& g = layer_.geometry;
    const int64_t channel = first_channel_ + c;
    const size_t parameter = static_cast<size_t>(group_ * layer_.out_per_group + channel);
    const arch::RowEpilogue last{plan_.bias[parameter], plan_.slopes.size() != 0 ? plan_.slopes[parameter] : 0.0f, epilogue_};
    const size_t n = static_cast<size_t>(end_ - begin_);
    float* const y = output_ + channel * g.output_pitch.channel + row * g.axis[1].stride * g.output_pitch.row;
    float* const to = in_place_ ? y + begin_ : rows_buffer_ + c * (end_ - begin_);
    overlap(row, c, residual_ == nullptr ? last : arch::RowEpilogue{}, to);
    if (residual_ == nullptr) {
      if (activation_ != nullptr) activation_(to, n, layer_.description.activation.alpha);
      return;
    }
    const float* r = residual_ + channel * g.residual_pitch.channel + row * g.axis[1].stride * g.residual_pitch.row +
                     begin_ * g.residual_pitch.pixel;
    if (g.residual_pitch.pixel != 1) {
      float* const gathered = rows_buffer_ + plan_.chunk_channels * (end_ - begin_);
      for (size_t i = 0; i < n; ++i) gathered[i] = r[static_cast<int64_t>(i) * g.residual_pitch.pixel];
      r = gathered;
    }
    float* const finished = layer_.description.layout == Layout::nchw ? y + begin_ : to;
    kernels_.row_residual(to, r, finished, n, last);
    if (activation_ != nullptr) activation_(finished, n, layer_.description.activation.alpha);
  }

  // to[o - begin_] for o in [begin_, end_).
  void overlap(int64_t row, int64_t c, const arch::RowEpilogue& e, float* to) { overlap_rows(row, c, e, to, 1, 0, 0); }

  // The same for `rows` rows whose terms lie `input_stride` apart.
  void overlap_rows(int64_t row, int64_t c, const arch::RowEpilogue& e, float* to, size_t rows, int64_t input_stride,
                    int64_t output_stride) {
    const Axis& x = layer_.axis(2);
    if (x.stride > arch::KernelTable::max_overlap_phases) return scatter_phases(row, c, e, to);
    size_t terms[arch::KernelTable::max_overlap_phases];
    size_t at = 0;
    for (int64_t phase = 0; phase < x.stride; ++phase) {
      const size_t end = append_terms(row, c, phase, at);
      terms[phase] = end - at;
      at = end;
    }
    // Whole periods of phases; where the last one is cut, through scratch.
    const bool whole = whole_periods();
    float* const periods = whole ? to : periods_;
    kernels_.overlap({term_, terms, static_cast<size_t>(x.stride), static_cast<size_t>(count_), periods, e, rows,
                      static_cast<ptrdiff_t>(input_stride), static_cast<ptrdiff_t>(output_stride)});
    if (!whole) std::memcpy(to, periods, static_cast<size_t>(end_ - begin_) * sizeof(float));
  }

  // Many phases: one at a time, spread over the row. The dead ones hold the bias alone.
  void scatter_phases(int64_t row, int64_t c, const arch::RowEpilogue& e, float* to) {
    const Axis& x = layer_.axis(2);
    float dead = 0;
    const size_t no_terms = 0;
    kernels_.overlap({term_, &no_terms, 1, 1, &dead, e, 1, 0, 0});
    std::fill(to, to + (end_ - begin_), dead);
    for (const LivePhase& phase : layer_.phases[2].live) {
      const int64_t back = phase.index - x.pad_begin % x.stride;
      const int64_t first = back >= 0 ? back : back + x.stride;
      const size_t terms = append_terms(row, c, first, 0);
      if (terms == 0) continue;
      kernels_.overlap({term_, &terms, 1, static_cast<size_t>(count_), periods_, e, 1, 0, 0});
      const int64_t n = end_ - begin_;
      const int64_t outputs = first < n ? (n - first - 1) / x.stride + 1 : 0;
      for (int64_t i = 0; i < outputs; ++i) to[first + x.stride * i] = periods_[i];
    }
  }

  // NHWC: the finished rows of a chunk, transposed into the output.
  void store_pixels(int64_t row) {
    const Geometry& g = layer_.geometry;
    float* const y = output_ + first_channel_ + row * g.axis[1].stride * g.output_pitch.row + begin_ * g.output_pitch.pixel;
    kernels_.transpose(rows_buffer_, end_ - begin_, static_cast<size_t>(channels_), static_cast<size_t>(end_ - begin_), y,
                       g.output_pitch.pixel);
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const RunArguments& arguments_;
  const int64_t block_;
  const bool in_place_;
  const arch::Epilogue epilogue_;
  const arch::ActivationFunction activation_;
  float* copies_ = nullptr;
  float* t_ = nullptr;
  float* rows_buffer_ = nullptr;
  float* periods_ = nullptr;
  arch::PlanarSegment* segment_ = nullptr;
  arch::OverlapTerm* term_ = nullptr;
  InputRow* input_row_ = nullptr;
  size_t direct_terms_ = 0;

  // Of the rows at hand.
  OuterTaps z_, y_;
  bool live_ = false;
  int64_t group_ = 0;
  int64_t rows_ = 0;
  int64_t first_copied_row_ = 0;
  int64_t copied_rows_ = 0;
  int64_t first_z_tap_ = 0;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  const float* residual_ = nullptr;
  // Of the strip at hand: q in [q_, q_ + count_), outputs [begin_, end_), inputs [x_begin_, x_end_).
  int64_t q_ = 0;
  int64_t count_ = 0;
  int64_t window_ = 0;  // x of the first element of a row of T
  int64_t begin_ = 0;
  int64_t end_ = 0;
  int64_t x_begin_ = 0;
  int64_t x_end_ = 0;
  // Of the chunk at hand.
  int64_t first_channel_ = 0;
  int64_t channels_ = 0;
};

}  // namespace

size_t workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan) {
  return rounded(static_cast<int64_t>(workspace_layout(layer, kernels, plan).bytes()), 64);
}

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  const RowTasks tasks(layer, layer.description.groups, arguments.parallelism, plan.rows_per_task, plan.chunks);
  run_tasks(arguments.parallelism, tasks.count(), [&](int64_t index, size_t slot) {
    const RowTask task = tasks[index];
    if (task.rows > 0) Task(layer, kernels, plan, arguments, slot).run(task);
  });
}

}  // namespace tconv::planar
