#include <algorithm>
#include <cstring>

#include "input_rows.hpp"
#include "outer_taps.hpp"
#include "period_tasks.hpp"
#include "planar.hpp"
#include "planar_finish.hpp"
#include "tasks.hpp"

namespace tconv::planar {
namespace {

int64_t rounded(int64_t x, int64_t unit) { return ceil_div(x, unit) * unit; }

// One thread's workspace: floats first, each part a multiple of 16 of them.
struct WorkspaceLayout {
  int64_t copies;   // [z tap][input row of the ring] of blocks
  int64_t t;        // [row of T of a chunk][t_pitch]
  int64_t rows;     // finished rows of a chunk that are not made in place: [channel][strip of the output]
  int64_t periods;  // whole periods of phases of a row, or one phase where they are not interleaved in registers
  int64_t segment_bytes;
  int64_t term_bytes;
  size_t bytes() const {
    return static_cast<size_t>((copies + t + rows + periods) * static_cast<int64_t>(sizeof(float)) + segment_bytes + term_bytes);
  }
};

WorkspaceLayout workspace_layout(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan) {
  const int64_t stride = layer.axis(2).stride;
  const int64_t block = static_cast<int64_t>(kernels.planar_vectors * kernels.lanes);
  return {rounded(plan.copied_rows * layer.in_per_group * plan.x_blocks * block, 16),
          plan.fused ? 0 : rounded(plan.chunk_channels * layer.axis(2).kernel * plan.t_pitch, 16),
          rows_in_place(layer) ? 0 : rounded((plan.chunk_channels + 1) * strip_end(layer, 0, plan.strip), 16),
          rounded(std::max(plan.strip, plan.fused ? plan.chunk_channels * block : 0) *
                      (stride > arch::KernelTable::max_overlap_phases ? 1 : stride),
                  16),
          rounded(plan.segments * static_cast<int64_t>(sizeof(arch::PlanarSegment)), 64),
          rounded(plan.terms * static_cast<int64_t>(sizeof(arch::OverlapTerm)), 64)};
}

class Task {
 public:
  Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        arguments_(arguments),
        block_(static_cast<int64_t>(kernels.planar_vectors * kernels.lanes)),
        row_floats_(layer.in_per_group * plan.x_blocks * block_),
        finisher_(layer, kernels, plan, arguments) {
    const WorkspaceLayout workspace = workspace_layout(layer, kernels, plan);
    unsigned char* const own = arguments.workspace + slot * workspace.bytes();
    copies_ = reinterpret_cast<float*>(own);
    t_ = copies_ + workspace.copies;
    float* const rows = t_ + workspace.t;
    periods_ = rows + workspace.rows;
    segment_ = reinterpret_cast<arch::PlanarSegment*>(periods_ + workspace.periods);
    auto* const term = reinterpret_cast<arch::OverlapTerm*>(reinterpret_cast<unsigned char*>(segment_) + workspace.segment_bytes);
    finisher_.use({rows, periods_, term});
    terms_ = term + layer.axis(2).kernel;
    if (!plan.fused) list_terms();
  }

  void run(const PeriodTask& task) {
    const Geometry& g = layer_.geometry;
    const int64_t stride = g.axis[1].stride;
    task_ = task;
    z_ = outer_taps(layer_, 0, task.plane);
    first_z_tap_ = first_z_tap(layer_, z_);
    input_ = arguments_.input + task.image * g.input_pitch.batch + task.group * layer_.in_per_group * g.input_pitch.channel;
    const int64_t q_end = ceil_div(g.output[2], g.axis[2].stride);
    for (int64_t q = 0; q < q_end; q += plan_.strip) {
      strip_ = strip_at(layer_, plan_, q);
      copied_end_ = std::max<int64_t>(0, plan_.first_input + task.first);
      if (!plan_.fused) clear_margins();
      for (int64_t period = task.first; period < task.last; ++period) {
        if (z_.phase != nullptr) copy_inputs(std::min(g.axis[1].input, plan_.last_input + period + 1));
        const int64_t end = period + 1 < task.last ? (period + 1) * stride : std::min(g.output[1], strip_rows_end(task.last));
        fetch_ = row_to_fetch(period);
        for (int64_t oy = period * stride; oy < end; ++oy) output_row(oy);
      }
    }
  }

 private:
  // One past the last output row of the periods before `period` (stride * period need not fit in 63 bits).
  int64_t strip_rows_end(int64_t period) const {
    const int64_t stride = layer_.axis(1).stride;
    return period >= ceil_div(layer_.output(1), stride) ? layer_.output(1) : period * stride;
  }

  void output_row(int64_t oy) {
    y_ = outer_taps(layer_, 1, oy);
    live_ = z_.phase != nullptr && y_.phase != nullptr;
    oy_ = oy;
    if (plan_.fused && finisher_.in_place()) {
      // Some columns for all chunks, then the next: their inputs stay in L1.
      const int64_t columns = live_ ? strip_.x_end - strip_.x_begin : 0;
      int64_t first = 0;
      do {
        const int64_t rest = columns - first - plan_.pass;
        const int64_t last = rest < block_ ? columns : first + plan_.pass;  // the last block may reach back over a whole one
        for (int64_t chunk = task_.first_chunk; chunk < task_.last_chunk; ++chunk) {
          choose_chunk(chunk);
          fuse(first, last);
        }
        first = last;
      } while (first < columns);
      return;
    }
    for (int64_t chunk = task_.first_chunk; chunk < task_.last_chunk; ++chunk) {
      choose_chunk(chunk);
      const int64_t channel = task_.group * layer_.out_per_group + first_channel_;
      if (plan_.fused) {
        fuse(0, live_ ? strip_.x_end - strip_.x_begin : 0);
      } else {
        if (live_) {
          multiply();
          fetch_ = nullptr;
        }
        for (int64_t c = 0; c < channels_; ++c) {
          finisher_.finish(strip_, task_.image, channel, c, task_.plane, oy,
                           [&](int64_t phase, arch::OverlapTerm* term, size_t at) { return append_terms(c, phase, term, at); });
        }
      }
      finisher_.store_pixels(strip_, task_.image, channel, channels_, task_.plane, oy);
    }
  }

  void choose_chunk(int64_t chunk) {
    first_channel_ = chunk * plan_.chunk_channels;
    channels_ = std::min(plan_.chunk_channels, layer_.out_per_group - first_channel_);
  }

  bool inside(int a, int64_t i) const { return i >= 0 && i < layer_.axis(a).input; }

  // Input rows are kept in a ring: those that the phases of one period meet.
  float* copy_of(int64_t jz, int64_t iy) const {
    return copies_ + ((jz - first_z_tap_) * plan_.ring + iy % plan_.ring) * row_floats_;
  }

  // The input rows before `end`, and some that come next: short rows of a channel are fetched together, because they follow each
  // other in memory (NCHW) and the next channel's do not.
  void copy_inputs(int64_t end) {
    if (copied_end_ >= end) return;
    const int64_t limit = std::min(layer_.axis(1).input, plan_.last_input + task_.last);
    const int64_t last = std::min(std::max(end, copied_end_ + plan_.ahead), std::max(limit, end));
    const int64_t first = strip_.x_begin + columns_in_place();
    for (int64_t jz = 0; jz < z_.taps && first < strip_.x_end; ++jz) {
      if (inside(0, z_.input(jz))) copy_rows(jz, last, first);
    }
    copied_end_ = last;
  }

  // Columns from `first` on of the input rows [copied_end_, last).
  void copy_rows(int64_t jz, int64_t last, int64_t first) {
    const Pitch& pitch = layer_.geometry.input_pitch;
    const int64_t blocks = ceil_div(strip_.x_end - first, block_);
    const float* const plane = input_ + z_.input(jz) * pitch.plane;
    if (layer_.description.layout == Layout::nhwc) {
      for (int64_t iy = copied_end_; iy < last; ++iy)
        copy_blocks(layer_, kernels_, plane + iy * pitch.row, first, blocks, block_, copy_of(jz, iy));
      return;
    }
    const int64_t channels = layer_.in_per_group;
    const size_t count = static_cast<size_t>(std::min(layer_.axis(2).input - first, blocks * block_));
    // Rows that follow each other in memory and, up to the end of the ring, in blocks are copied as one.
    const int64_t width = layer_.axis(2).input;
    const bool follow = first == 0 && pitch.row == width && width == plan_.x_blocks * block_;
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t iy = copied_end_; iy < last;) {
        const int64_t rows = follow ? std::min(last - iy, plan_.ring - iy % plan_.ring) : 1;
        kernels_.copy_blocks(plane + c * pitch.channel + iy * pitch.row + first, count + static_cast<size_t>((rows - 1) * width),
                             copy_of(jz, iy) + c * block_, channels * block_);
        iy += rows;
      }
    }
    for (int64_t iy = copied_end_; layer_.has_input_activation() && iy < last; ++iy)
      activate_input(layer_, kernels_, copy_of(jz, iy), static_cast<size_t>(blocks * channels * block_));
  }

  // Columns of the strip that are read where they lie: whole blocks, so that no vector reaches beyond the row; all of them where
  // the last block may overlap the one before.
  int64_t columns_in_place() const {
    if (!plan_.in_place) return 0;
    const int64_t columns = strip_.x_end - strip_.x_begin;
    return plan_.fused ? columns : columns / block_ * block_;
  }

  // T is written for the columns [x_begin, x_end); the taps reach beyond, where it is zero.
  void clear_margins() {
    const int64_t lanes = static_cast<int64_t>(kernels_.lanes);
    const bool none = strip_.x_begin == strip_.x_end;  // the strip lies beyond the reach of all taps
    const int64_t first = none ? plan_.t_pitch : strip_.x_begin - strip_.window;
    const int64_t last = none ? plan_.t_pitch : first + ceil_div(strip_.x_end - strip_.x_begin, lanes) * lanes;
    for (int64_t row = 0; row < plan_.chunk_channels * layer_.axis(2).kernel; ++row) {
      float* const t = t_ + row * plan_.t_pitch;
      std::memset(t, 0, static_cast<size_t>(first) * sizeof(float));
      std::memset(t + last, 0, static_cast<size_t>(plan_.t_pitch - last) * sizeof(float));
    }
  }

  // Packed weights of the chunk, in the (z, y) phase of the row.
  const float* chunk_weights() const {
    const int64_t number = z_.number * static_cast<int64_t>(layer_.phases[1].live.size()) + y_.number;
    return plan_.weights.data() + task_.group * plan_.group_weights + plan_.weights_at[static_cast<size_t>(number)] +
           z_.taps * y_.taps * layer_.in_per_group * first_channel_ * layer_.axis(2).kernel;
  }

  // The (z, y) taps that meet the image in the output row; `place(jz, iy)` is where their input row is.
  template <typename Place>
  size_t list_segments(int64_t block_rows, const float* weights, const Place& place) {
    size_t n = 0;
    for (int64_t jz = 0; jz < z_.taps; ++jz) {
      for (int64_t jy = 0; jy < y_.taps; ++jy, weights += layer_.in_per_group * block_rows) {
        const int64_t iy = y_.input(jy);
        if (inside(0, z_.input(jz)) && inside(1, iy)) segment_[n++] = {place(jz, iy), weights};
      }
    }
    return n;
  }
  size_t list_rows_in_place(int64_t block_rows, const float* weights, int64_t column) {
    const Pitch& pitch = layer_.geometry.input_pitch;
    return list_segments(block_rows, weights, [&](int64_t jz, int64_t iy) {
      return input_ + z_.input(jz) * pitch.plane + iy * pitch.row + strip_.x_begin + column;
    });
  }
  size_t list_copies(int64_t block_rows, const float* weights, int64_t block) {
    return list_segments(block_rows, weights,
                         [&](int64_t jz, int64_t iy) { return copy_of(jz, iy) + block * layer_.in_per_group * block_; });
  }

  // The row that period `period` + 1 is the first to meet, or will copy, if it may lie beyond L2: it is asked for while the first
  // output row of `period` is made.
  const float* row_to_fetch(int64_t period) const {
    if (!plan_.fetches || z_.phase == nullptr) return nullptr;
    const int64_t iy = plan_.last_input + period + plan_.ahead;
    const int64_t iz = z_.input(first_z_tap_);
    if (iy < 0 || iy >= layer_.axis(1).input || !inside(0, iz)) return nullptr;
    const Pitch& pitch = layer_.geometry.input_pitch;
    return input_ + iz * pitch.plane + iy * pitch.row + strip_.x_begin * pitch.pixel;
  }

  // T of one chunk of channels: some columns for all its blocks of rows, then the next.
  void multiply() {
    const int64_t in_place = columns_in_place();
    const int64_t columns = strip_.x_end - strip_.x_begin;
    for (int64_t first = 0; first < in_place; first += plan_.pass)
      multiply_columns(first, std::min(in_place, first + plan_.pass), true);
    for (int64_t first = in_place; first < columns; first += plan_.pass)
      multiply_columns(first, std::min(columns, first + plan_.pass), false);
  }

  void multiply_columns(int64_t first, int64_t last, bool in_place) {
    const int64_t steps = z_.taps * y_.taps * layer_.in_per_group;
    const float* weights = chunk_weights();
    const int64_t t_rows = channels_ * layer_.axis(2).kernel;
    plan_.row_blocks.each(t_rows, [&](int64_t begin, int64_t size) {
      arch::PlanarTile tile{};
      tile.segment = segment_;
      tile.segments =
          in_place ? list_rows_in_place(size, weights, first) : list_copies(size, weights, (first - columns_in_place()) / block_);
      tile.channels = static_cast<size_t>(layer_.in_per_group);
      tile.channel_stride = in_place ? layer_.geometry.input_pitch.channel : block_;
      tile.block_stride = in_place ? block_ : layer_.in_per_group * block_;
      tile.t = t_ + begin * plan_.t_pitch + strip_.x_begin - strip_.window + first;
      tile.t_stride = plan_.t_pitch;
      tile.count = static_cast<size_t>(last - first);
      if (fetch_ != nullptr && begin == 0) {
        const Pitch& pitch = layer_.geometry.input_pitch;
        const bool nchw = layer_.description.layout == Layout::nchw;
        tile.fetch = fetch_ + first * pitch.pixel;
        tile.fetch_channel = nchw ? pitch.channel : block_;
        tile.fetch_block = block_ * pitch.pixel;
      }
      kernels_.planar[size - 1](tile);
      weights += steps * size;
    });
  }

  // Finished outputs of the columns [first, last) of the strip for one chunk; after its last column also what no input reaches.
  void fuse(int64_t first, int64_t last) {
    const int64_t phases = layer_.axis(2).stride;
    const int64_t n = strip_.end - strip_.begin;
    const size_t channel = static_cast<size_t>(task_.group * layer_.out_per_group + first_channel_);
    arch::PlanarPeriods p{};
    p.segment = segment_;
    p.channels = static_cast<size_t>(layer_.in_per_group);
    p.channel_stride = plan_.in_place ? layer_.geometry.input_pitch.channel : block_;
    p.block_stride = plan_.in_place ? block_ : layer_.in_per_group * block_;
    p.phases = static_cast<size_t>(phases);
    p.lines = static_cast<size_t>(channels_);
    p.bias = plan_.bias.data() + channel;
    p.slopes = plan_.slopes.size() != 0 ? plan_.slopes.data() + channel : nullptr;
    p.epilogue = finisher_.epilogue();
    float* const y = finisher_.in_place()
                         ? finisher_.output_row(task_.image, static_cast<int64_t>(channel), task_.plane, oy_) + strip_.begin
                         : finisher_.rows();
    line_stride_ = finisher_.in_place() ? layer_.geometry.output_pitch.channel : n;
    const int64_t whole = std::min(last, n / phases);  // the last period may be cut
    if (plan_.in_place) {
      fuse_in_place(p, y, first, whole);
    } else if (whole > first) {
      p.segments = list_copies(channels_ * phases, chunk_weights(), first / block_);
      fuse_columns(p, y + phases * first, line_stride_, whole - first);
    }
    const int64_t columns = live_ ? strip_.x_end - strip_.x_begin : 0;
    if (last == columns) {
      if (whole < columns) finish_period(p, y, whole);
      fill_dead(p, y, std::min(n, columns * phases), n);
    }
    for (int64_t c = 0; c < channels_; ++c) {
      const int64_t end = last == columns ? n : phases * last;
      finisher_.activate(y + c * line_stride_ + phases * first, end - phases * first);
    }
  }

  void fuse_columns(arch::PlanarPeriods& p, float* y, int64_t stride, int64_t count) {
    float* line[arch::KernelTable::max_planar_rows];
    for (int64_t c = 0; c < channels_; ++c) line[c] = y + c * stride;
    p.line = line;
    p.count = static_cast<size_t>(count);
    kernels_.periods(p);
  }

  // Whole blocks, then one block or vector that ends with the last column, and may do some columns again.
  void fuse_in_place(arch::PlanarPeriods& p, float* y, int64_t first, int64_t last) {
    const int64_t phases = layer_.axis(2).stride;
    const int64_t lanes = static_cast<int64_t>(kernels_.lanes);
    const int64_t blocks = (last - first) / block_ * block_;
    if (blocks > 0) {
      p.segments = list_rows_in_place(channels_ * phases, chunk_weights(), first);
      fuse_columns(p, y + phases * first, line_stride_, blocks);
    }
    const int64_t rest = last - first - blocks;
    if (rest <= 0) return;
    const int64_t size = rest <= lanes ? lanes : block_;
    if (last < size) {  // a narrow image, cropped
      for (int64_t period = first; period < last; ++period) finish_period(p, y, period);
      return;
    }
    p.segments = list_rows_in_place(channels_ * phases, chunk_weights(), last - size);
    fuse_columns(p, y + phases * (last - size), line_stride_, size);
  }

  // One period of phases, as far as the output goes.
  void finish_period(arch::PlanarPeriods p, float* y, int64_t period) {
    const int64_t phases = layer_.axis(2).stride;
    const int64_t n = std::min(strip_.end - strip_.begin - period * phases, phases);
    const int64_t first = plan_.in_place ? std::min(period, strip_.x_end - strip_.x_begin - static_cast<int64_t>(kernels_.lanes))
                                         : period / block_ * block_;
    const int64_t columns = period - first + 1;
    p.segments = plan_.in_place ? list_rows_in_place(channels_ * phases, chunk_weights(), first)
                                : list_copies(channels_ * phases, chunk_weights(), period / block_);
    fuse_columns(p, periods_, phases * columns, columns);
    for (int64_t c = 0; c < channels_; ++c) {
      std::memcpy(y + c * line_stride_ + period * phases, periods_ + ((c + 1) * columns - 1) * phases,
                  static_cast<size_t>(n) * sizeof(float));
    }
  }

  // Outputs that no input reaches.
  void fill_dead(arch::PlanarPeriods p, float* y, int64_t begin, int64_t end) {
    if (begin >= end) return;
    const int64_t phases = layer_.axis(2).stride;
    p.segments = 0;
    fuse_columns(p, periods_, phases, 1);
    for (int64_t c = 0; c < channels_; ++c)
      std::fill(y + c * line_stride_ + begin, y + c * line_stride_ + end, periods_[c * phases]);
  }

  // The terms of channel 0 of a chunk, phase by phase: those of the other channels lie further on. With many phases they are found
  // one by one.
  void list_terms() {
    phases_listed_ = layer_.axis(2).stride <= arch::KernelTable::max_overlap_phases;
    size_t at = 0;
    for (int64_t phase = 0; phases_listed_ && phase < layer_.axis(2).stride; ++phase) {
      first_term_[phase] = at;
      at = find_terms(0, phase, terms_, at);
      first_term_[phase + 1] = at;
    }
  }

  // The terms that reach a phase in channel c of the chunk.
  size_t append_terms(int64_t c, int64_t phase, arch::OverlapTerm* term, size_t at) const {
    if (!live_) return at;
    if (!phases_listed_) return find_terms(c, phase, term, at);
    const int64_t distance = c * layer_.axis(2).kernel * plan_.t_pitch;
    for (size_t i = first_term_[phase]; i < first_term_[phase + 1]; ++i) term[at++] = {terms_[i].x + distance, 1.0f};
    return at;
  }

  size_t find_terms(int64_t c, int64_t phase, arch::OverlapTerm* term, size_t at) const {
    const int64_t kernel = layer_.axis(2).kernel;
    const LivePhase* const taps = phase_from_output(layer_, 2, phase);
    for (int64_t j = 0; taps != nullptr && j < taps->taps; ++j) {
      const int64_t t = taps->first_tap + j * layer_.phases[2].tap_step;
      const int64_t shift = plan_.x_taps[static_cast<size_t>(t)].shift;
      term[at++] = {t_ + (c * kernel + t) * plan_.t_pitch + plan_.largest_shift - shift, 1.0f};
    }
    return at;
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const RunArguments& arguments_;
  const int64_t block_;
  const int64_t row_floats_;
  Finisher finisher_;
  float* copies_ = nullptr;
  float* t_ = nullptr;
  float* periods_ = nullptr;
  arch::PlanarSegment* segment_ = nullptr;
  arch::OverlapTerm* terms_ = nullptr;
  bool phases_listed_ = false;
  size_t first_term_[arch::KernelTable::max_overlap_phases + 1] = {};

  PeriodTask task_{};
  const float* input_ = nullptr;
  Strip strip_;
  int64_t first_z_tap_ = 0;
  int64_t copied_end_ = 0;        // input rows before this have been copied
  const float* fetch_ = nullptr;  // a row of the input that comes next
  // Of the row at hand.
  OuterTaps z_, y_;
  int64_t oy_ = 0;
  bool live_ = false;
  // Of the chunk at hand.
  int64_t first_channel_ = 0;
  int64_t channels_ = 0;
  int64_t line_stride_ = 0;  // between the finished rows of its channels
};

}  // namespace

size_t workspace_bytes(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan) {
  if (plan.tiled) return tiles_workspace_bytes(layer, kernels, plan.tiles);
  if (plan.direct) return direct_workspace_bytes(layer, kernels, plan);
  return rounded(static_cast<int64_t>(workspace_layout(layer, kernels, plan).bytes()), 64);
}

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  if (plan.tiled) return run_tiles(layer, kernels, plan.tiles, arguments);
  if (plan.direct) return run_direct(layer, kernels, plan, arguments);
  const PeriodTasks tasks(layer, layer.description.groups, arguments.parallelism, plan.chunks);
  run_tasks(arguments.parallelism, tasks.count(),
            [&](int64_t index, size_t slot) { Task(layer, kernels, plan, arguments, slot).run(tasks[index]); });
}

}  // namespace tconv::planar
