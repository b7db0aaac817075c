#include "window_gemm.hpp"

#include <algorithm>

#include "checked.hpp"
#include "far_tensors.hpp"
#include "gemm_panels.hpp"
#include "streamed_output.hpp"
#include "weight_stream.hpp"

namespace tconv::window_gemm {
namespace {

int64_t panel_k(const Layer& layer, const LivePhase& z, const LivePhase& y, const ColumnBlock& block) {
  return z.taps * y.taps * block.group.taps * layer.in_per_group;
}

// Where windows are single pixels, the rows of a plane follow each other like one.
bool rows_follow(const Layer& layer) {
  return layer.phases[2].most_taps() == 1 && layer.axis(2).pad_begin == 0 && layer.axis(2).pad_end == 0;
}
// Rows of A that one strip has at least: the q of an output row, those beside the image among them, or of a plane.
int64_t row_pixels(const Layer& layer) {
  return rows_follow(layer) ? layer.axis(2).input * layer.axis(1).input : ceil_div(layer.output(2), layer.axis(2).stride);
}

// May the columns of neighbouring phases share a panel? Their pixels must be neighbours wherever columns are stored or read.
bool pixels_contiguous(const Layer& layer) {
  const Description& d = layer.description;
  if (d.layout == Layout::nchw) return true;  // scratch rows, or planes
  return d.groups == 1 && layer.geometry.output_pitch.pixel == d.out_channels &&
         (!d.residual || layer.geometry.residual_pitch.pixel == d.out_channels);
}

// Pixels that are a large power of two apart fall into few sets of L1: too few for the rows of a tile?
bool pixels_alias(const Layer& layer, const Options& options, int64_t tile_rows) {
  const int64_t distance = layer.geometry.input_pitch.pixel * static_cast<int64_t>(sizeof(float));
  return tile_rows * std::min<int64_t>(distance & -distance, 4096) > static_cast<int64_t>(options.cache.l1);
}

// x-phase groups. Where phases share panels, a group ends at phase p mod s: the phases before it have their first output one q
// later.
bool x_groups(const Layer& layer, Buffer<PhaseGroup>* groups) {
  const Axis& x = layer.axis(2);
  return group_phases(layer.phases[2], x.pad_begin % x.stride, pixels_contiguous(layer) ? x.stride : 1, groups);
}

// Output channels of one chunk: all, or (NCHW) about a panel's worth for the largest group of phases.
int64_t chunk_channels(const Layer& layer, const arch::KernelTable& kernels, const Buffer<PhaseGroup>& groups) {
  if (layer.description.layout == Layout::nhwc) return layer.out_per_group;
  int64_t phases = 1;
  for (const PhaseGroup& group : groups) {
    if (group.taps != 0) phases = std::max(phases, group.count);
  }
  int64_t vectors = 1;
  for (int64_t v = 1; v <= arch::KernelTable::max_vectors; ++v) {
    if (kernels.gemm[v - 1] != nullptr && v * static_cast<int64_t>(kernels.gemm_tile_rows[v - 1]) >=
                                              vectors * static_cast<int64_t>(kernels.gemm_tile_rows[vectors - 1])) {
      vectors = v;  // the largest register tile
    }
  }
  return std::clamp<int64_t>(vectors * static_cast<int64_t>(kernels.lanes) / phases, 1, layer.out_per_group);
}

bool plan_blocks(const Layer& layer, const arch::KernelTable& kernels, Plan* plan) {
  plan->merged = pixels_contiguous(layer);
  Buffer<PhaseGroup> groups;
  if (!x_groups(layer, &groups)) return false;
  plan->chunk_channels = chunk_channels(layer, kernels, groups);
  plan->chunks = ceil_div(layer.out_per_group, plan->chunk_channels);
  plan->chunk_blocks = static_cast<int64_t>(groups.size());
  if (!plan->blocks.allocate(static_cast<size_t>(plan->chunks) * groups.size())) return false;
  int64_t at = 0;
  size_t i = 0;
  for (int64_t chunk = 0; chunk < plan->chunks; ++chunk) {
    const int64_t first = chunk * plan->chunk_channels;
    const int64_t channels = std::min(plan->chunk_channels, layer.out_per_group - first);
    for (const PhaseGroup& group : groups) {
      const int64_t columns = group.taps == 0 ? channels : group.count * channels;
      const PanelWidths panels = choose_panels(kernels, columns, row_pixels(layer));
      const int64_t padded = ((panels.count - 1) * panels.vectors + panels.last_vectors) * static_cast<int64_t>(kernels.lanes);
      plan->blocks[i++] = {group, first, channels, columns, panels.count, panels.vectors, panels.last_vectors, padded, at};
      at += padded;
    }
  }
  plan->group_columns = at;
  return true;
}

bool plan_weights(const Layer& layer, Plan* plan) {
  const AxisPhases& z = layer.phases[0];
  const AxisPhases& y = layer.phases[1];
  if (!plan->weights_at.allocate(z.live.size() * y.live.size() * plan->blocks.size())) return false;
  int64_t at = 0;
  size_t i = 0;
  for (const LivePhase& zp : z.live) {
    for (const LivePhase& yp : y.live) {
      for (const ColumnBlock& block : plan->blocks) {
        plan->weights_at[i++] = at;
        at += panel_k(layer, zp, yp, block) * block.padded_columns;
      }
    }
  }
  plan->group_weights = at;
  return plan->weights.allocate(static_cast<size_t>(at * layer.description.groups));
}

// One panel: rows in the order (jz, jy, taps of x from the last to the first, input channel).
void pack_panel(const Layer& layer, int64_t group, const LivePhase& z, const LivePhase& y, const ColumnBlock& block,
                int64_t first_column, int64_t width, const float* weights, float* packed) {
  const AxisPhases* const phases = layer.phases;
  const int64_t columns = std::min(width, block.columns - first_column);
  for (int64_t jz = 0; jz < z.taps; ++jz) {
    for (int64_t jy = 0; jy < y.taps; ++jy) {
      for (int64_t jx = block.group.taps - 1; jx >= 0; --jx) {
        for (int64_t ci = 0; ci < layer.in_per_group; ++ci, packed += width) {
          for (int64_t c = 0; c < columns; ++c) {
            const int64_t column = first_column + c;
            const LivePhase& x = *phases[2].find(block.group.first + column / block.channels);
            const int64_t tap[max_rank] = {z.first_tap + jz * phases[0].tap_step, y.first_tap + jy * phases[1].tap_step,
                                           x.first_tap + jx * phases[2].tap_step};
            packed[c] = weights[weight_index(layer, group, ci, block.first_channel + column % block.channels, tap)];
          }
        }
      }
    }
  }
}

void pack_weights(const Layer& layer, const arch::KernelTable& kernels, const float* weights, Plan* plan) {
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  for (int64_t group = 0; group < layer.description.groups; ++group) {
    size_t i = 0;
    for (const LivePhase& z : layer.phases[0].live) {
      for (const LivePhase& y : layer.phases[1].live) {
        for (const ColumnBlock& block : plan->blocks) {
          float* packed = plan->weights.data() + group * plan->group_weights + plan->weights_at[i++];
          if (block.group.taps == 0) continue;
          for (int64_t panel = 0; panel < block.panels; ++panel) {
            const int64_t width = (panel + 1 == block.panels ? block.last_vectors : block.vectors) * lanes;
            pack_panel(layer, group, z, y, block, panel * block.vectors * lanes, width, weights, packed);
            packed += panel_k(layer, z, y, block) * width;
          }
        }
      }
    }
  }
}

// values[out_channels] (or nullptr: zeros) spread over the panels' columns.
void pack_columns(const Layer& layer, const Plan& plan, const float* values, float* packed) {
  if (values == nullptr) return;
  for (int64_t group = 0; group < layer.description.groups; ++group) {
    for (const ColumnBlock& block : plan.blocks) {
      for (int64_t column = 0; column < block.columns; ++column) {
        packed[group * plan.group_columns + block.bias_at + column] =
            values[group * layer.out_per_group + block.first_channel + column % block.channels];
      }
    }
  }
}

}  // namespace

bool supports(const Layer&, const Options&) { return true; }

namespace {

// Cycles, measured (AVX2, 90 layers of 3 to 256 channels and 4 to 28 pixels a side, in both layouts):
constexpr double call_overhead = 200;
constexpr double strip_in_place = 50;   // rows of A with a panel
constexpr double strip_of_copies = 75;  // the same of planes
constexpr double segment_of_tile = 10;  // a tap of z or y of a register tile
constexpr double stored_vector = 2;     // a vector of outputs
constexpr double stored_apart = 5;      // the same where a tile of a group reaches into the next row
constexpr double copied_pixel = 12;     // the channels of a group
constexpr double dead_pixel = 13;       // an output that no tap reaches

}  // namespace

double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options) {
  Buffer<PhaseGroup> groups;
  if (!x_groups(layer, &groups)) return 0;
  const int64_t channels = chunk_channels(layer, kernels, groups);
  const int64_t chunks = ceil_div(layer.out_per_group, channels);
  const int64_t last_channels = layer.out_per_group - (chunks - 1) * channels;
  // Of all blocks, per (z, y) tap and input channel.
  double cycles_per_k = 0;
  double vectors_per_k = 0;
  const bool joined = rows_follow(layer);
  const int64_t pixels = row_pixels(layer);
  int64_t most_tile_rows = 0;
  double strips = 0;  // of one such row
  double tiles = 0;
  double stored = 0;  // vectors
  double dead = 0;    // x-phases
  for (const PhaseGroup& group : groups) {
    if (group.taps == 0) {
      dead += static_cast<double>(group.count);
      continue;
    }
    const auto add = [&](int64_t times, int64_t columns) {
      const PanelWidths panels = choose_panels(kernels, columns, pixels);
      const double taps = static_cast<double>(group.taps * times);
      cycles_per_k += taps * panels.cycles;
      const int64_t tile_rows = static_cast<int64_t>(kernels.gemm_tile_rows[panels.vectors - 1]);
      most_tile_rows = std::max(most_tile_rows, tile_rows);
      strips += static_cast<double>(times * panels.count);
      tiles += static_cast<double>(times * panels.count * ceil_div(pixels, tile_rows));
      stored += static_cast<double>(times * panels.all_vectors() * pixels);
      vectors_per_k += taps * static_cast<double>(panels.all_vectors());
    };
    add(chunks - 1, group.count * channels);
    add(1, group.count * last_channels);
  }
  const bool nchw = layer.description.layout == Layout::nchw;
  const double outer_taps = static_cast<double>(layer.axis(0).kernel * layer.axis(1).kernel);
  const double rows = static_cast<double>(layer.description.batch) *
                      static_cast<double>(layer.axis(0).input * (joined ? 1 : layer.axis(1).input)) * outer_taps;
  const double input = static_cast<double>(layer.geometry.input_elements);
  const double output = static_cast<double>(layer.geometry.output_elements);
  const double groups_of_images = static_cast<double>(layer.description.batch * layer.description.groups);
  const double row_groups =
      groups_of_images *
      static_cast<double>(layer.output(0) * (joined ? std::min(layer.axis(1).stride, layer.output(1)) : layer.output(1)));
  const double times = static_cast<double>(std::min(layer.axis(1).stride, layer.axis(1).kernel));  // y-phases with taps
  // Taps of y that a row meets, each a segment of its sums.
  const double row_taps = static_cast<double>(layer.axis(1).kernel) / times;
  double cycles = call_overhead + rows * static_cast<double>(layer.description.in_channels) * cycles_per_k +
                  row_groups * (strips * (nchw ? strip_of_copies : strip_in_place) + tiles * row_taps * segment_of_tile +
                                stored * (joined && !nchw && layer.description.groups > 1 ? stored_apart : stored_vector));
  cycles += dead_pixel * groups_of_images * dead * static_cast<double>(layer.output(0) * layer.output(1)) *
            static_cast<double>(ceil_div(layer.output(2), layer.axis(2).stride));
  // Pixels of a group that lie apart are copied.
  if (!nchw && layer.description.groups > 1 && layer.phases[2].most_taps() > 1)
    cycles += copied_pixel * times * input / static_cast<double>(layer.in_per_group);
  // Weights pass by once for each plane of each image. A part of that goes on beside the products, at best all but a tenth.
  const double weight_bytes = static_cast<double>(layer.description.in_channels) * outer_taps * vectors_per_k *
                              static_cast<double>(kernels.lanes * sizeof(float));
  const double passes = static_cast<double>(layer.description.batch * ceil_div(layer.output(0), layer.axis(0).stride));
  const double stream = passes * stream_cycles(options.cache, weight_bytes);
  cycles = std::max(cycles + 0.5 * stream, 1.1 * stream);
  // Pixels that are copied, once per y-phase.
  if (!nchw && pixels_alias(layer, options, most_tile_rows)) cycles += 0.5 * input * times;
  if (nchw) {
    // Transposing takes one and a half cycles a number, 0.4 where all of them stay in L2, and the ends of a row: the input
    // once per y-phase, the output once.
    const double numbers = input * times + (channels > 1 ? output : 0);
    const double rows_of_planes = input / static_cast<double>(layer.axis(2).input) * times +
                                  (channels > 1 ? output / static_cast<double>(std::max<int64_t>(1, layer.output(2))) : 0);
    cycles +=
        ((input + output) * sizeof(float) <= static_cast<double>(options.cache.l2) ? 0.4 : 1.5) * numbers + 8 * rows_of_planes;
  }
  return cycles + waiting_cycles(layer, kernels, options.cache);
}

Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan) {
  const Status no_memory = Status::error(StatusCode::out_of_memory, "weights: no memory for the packed copy");
  if (!plan_blocks(layer, kernels, plan) || !plan_weights(layer, plan)) return no_memory;
  const size_t columns = static_cast<size_t>(plan->group_columns * layer.description.groups);
  if (!plan->bias.allocate(columns)) return no_memory;
  pack_columns(layer, *plan, bias, plan->bias.data());
  if (layer.description.activation.kind == ActivationKind::prelu) {
    if (!plan->slopes.allocate(columns)) return no_memory;
    pack_columns(layer, *plan, layer.description.activation.slopes, plan->slopes.data());
  }
  pack_weights(layer, kernels, weights, plan);
  return reshape(layer, kernels, options, plan);
}

Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  const Description& d = layer.description;
  const Geometry& g = layer.geometry;
  const Axis& x = g.axis[2];
  const int64_t step = layer.phases[2].input_step;
  // Taps that are not neighbours reach far beyond the image.
  plan->clip_borders = step != 1 || !layer.finite_weights;
  // The window of row q is [q - offset - (taps - 1) * step, q - offset].
  BorderCopy all{x.input, 0};
  BorderCopy left{0, 0};
  BorderCopy right{x.input, x.input};
  int64_t vectors = 1;
  int64_t tile_rows = 0;
  int64_t tap_panels = 0;
  plan->scratch_columns = 0;
  for (const ColumnBlock& block : plan->blocks) {
    if (block.group.taps == 0) continue;
    vectors = std::max(vectors, block.vectors);
    const int64_t tile = static_cast<int64_t>(kernels.gemm_tile_rows[block.vectors - 1]);
    tile_rows = std::max(tile_rows, tile);
    tap_panels += block.panels * block.group.taps;
    const int64_t reach = block.group.input_offset + (block.group.taps - 1) * step;
    const Phase first = phase_of(x, block.group.first);
    const Phase last = phase_of(x, block.group.first + block.group.count - 1);
    // Rows where only some of the phases have outputs go through scratch.
    if (first.q_begin != last.q_begin || first.q_end != last.q_end)
      plan->scratch_columns = std::max(plan->scratch_columns, block.padded_columns);
    const int64_t begin = last.q_begin;
    const int64_t end = first.q_end;
    if (begin >= end) continue;
    all.first = std::min(all.first, begin - reach);
    all.last = std::max(all.last, end - block.group.input_offset);
    // Copies serve whole register tiles, so that a border does not cost a tile of its own.
    if (begin - reach < 0) {
      left.first = std::min(left.first, begin - reach);
      left.last = std::max(left.last, reach + 2 * tile);
    }
    if (end - block.group.input_offset > x.input) {
      right.last = std::max(right.last, end - block.group.input_offset);
      right.first = std::min(right.first, x.input - reach - 2 * tile);
    }
  }
  const bool aliases = pixels_alias(layer, options, tile_rows);
  // A single row with borders is three strips for each panel, which costs more than a copy of few pixels.
  const bool few_pixels =
      (left.pixels() > 0 || right.pixels() > 0) && g.axis[0].input * g.axis[1].input == 1 && x.input < 8 * tap_panels;
  plan->copy_rows = d.layout == Layout::nchw || aliases || few_pixels || layer.has_input_activation() ||
                    (step == 1 && layer.phases[2].most_taps() > 1 && (d.groups != 1 || g.input_pitch.pixel != d.in_channels));
  plan->copy_pitch = layer.in_per_group;
  if (plan->copy_rows && layer.in_per_group * static_cast<int64_t>(sizeof(float)) % 1024 == 0) plan->copy_pitch += 16;
  if (!plan->clip_borders && !plan->copy_rows && (left.pixels() > 0 || right.pixels() > 0))
    plan->clip_borders = clips_columns(layer, kernels, *plan);
  if (plan->clip_borders) {
    plan->left = plan->copy_rows ? BorderCopy{0, x.input} : BorderCopy{};
    plan->right = {};
  } else if (plan->copy_rows || left.last >= right.first) {
    plan->left = all.last > all.first && (plan->copy_rows || left.pixels() > 0 || right.pixels() > 0) ? all : BorderCopy{};
    plan->right = {};
  } else {
    plan->left = left;
    plan->right = right;
  }

  // Rows of one task: their input should stay in half of L2 while all panels pass by.
  const Axis& z = g.axis[0];
  const Axis& y = g.axis[1];
  const int64_t z_rows = std::min(z.input, layer.phases[0].most_taps());
  const int64_t y_reach = (layer.phases[1].most_taps() - 1) * layer.phases[1].input_step;
  const int64_t row_bytes = x.input * layer.in_per_group * z_rows * static_cast<int64_t>(sizeof(float));
  const int64_t affordable = static_cast<int64_t>(options.cache.l2 / 2) / std::max<int64_t>(row_bytes, 1);
  plan->rows_per_task = std::clamp<int64_t>(affordable - y_reach, 1, ceil_div(g.output[1], y.stride));
  plan->scratch_rows = 0;
  const bool direct = d.layout == Layout::nchw ? plan->chunk_channels == 1 : !plan->merged || pixels_contiguous(layer);
  if (!direct) {
    const int64_t row_floats = g.output[2] * plan->chunk_channels;
    const int64_t scratch_rows = static_cast<int64_t>(options.cache.l2 / 8 / sizeof(float)) / row_floats;
    plan->rows_per_task = std::clamp<int64_t>(scratch_rows, 1, plan->rows_per_task);
    plan->scratch_rows = plan->rows_per_task * row_floats;
  }
  plan->copied_rows = z_rows * std::min(y.input, plan->rows_per_task + y_reach);

  const bool one_run = step == 1 && plan->copy_pitch == layer.in_per_group;
  plan->segments = layer.phases[0].most_taps() * layer.phases[1].most_taps() * (one_run ? 1 : layer.phases[2].most_taps());
  // A part of a panel is read again for every register tile: from L1, or from an eighth of L2 where that holds longer parts. Each
  // further part reads and writes C again, which costs more than loads from L2, unless tiles are few: then it is all about reading
  // weights once.
  const int64_t tile = static_cast<int64_t>(kernels.gemm_tile_rows[vectors - 1]);
  const bool few_tiles = plan->rows_per_task * ceil_div(x.input, tile) <= 8;
  const int64_t part_bytes =
      std::max(static_cast<int64_t>(options.cache.l1) * 5 / 8, few_tiles ? 0 : static_cast<int64_t>(options.cache.l2) / 8);
  plan->k_block =
      std::max<int64_t>(256, part_bytes / static_cast<int64_t>(sizeof(float)) / (vectors * static_cast<int64_t>(kernels.lanes)));
  // Weights of one (z, y) phase that stay in L2 while all rows pass by: then the output is written in the order of memory.
  int64_t longest = 0;
  int64_t weights = 0;
  for (const ColumnBlock& block : plan->blocks) {
    const int64_t k = layer.phases[0].most_taps() * layer.phases[1].most_taps() * block.group.taps * layer.in_per_group;
    longest = std::max(longest, k);
    weights += k * block.padded_columns;
  }
  // Neighbouring rows of A are a pixel apart: those of a strip fill a quarter of L1, and half of it is left to a panel.
  const int64_t pixel_bytes =
      layer.phases[0].most_taps() * layer.phases[1].most_taps() * plan->copy_pitch * static_cast<int64_t>(sizeof(float));
  plan->strip_rows = static_cast<int64_t>(options.cache.l1 / 4) / std::max<int64_t>(pixel_bytes, 1);
  const Pitch& c = g.output_pitch;
  plan->streams = direct && d.layout == Layout::nhwc && worth_streaming(options.cache, g.output_elements) &&
                  (x.stride * c.pixel % line_floats == 0 && c.row % line_floats == 0) && arch::is_clamp(d.activation.kind);
  plan->rows_outer =
      longest <= 2 * plan->k_block && weights * static_cast<int64_t>(sizeof(float)) <= static_cast<int64_t>(options.cache.l2 / 4);
  plan->far_weights =
      !plan->rows_outer && weights * static_cast<int64_t>(sizeof(float)) > static_cast<int64_t>(options.cache.l2 / 2);
  return {};
}

size_t packed_bytes(const Plan& plan) { return plan.weights.bytes() + plan.bias.bytes() + plan.slopes.bytes(); }

}  // namespace tconv::window_gemm
