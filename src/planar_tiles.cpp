#include "planar_tiles.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "activation.hpp"
#include "checked.hpp"

namespace tconv::planar {
namespace {

int64_t most_lines(const Layer& layer, const arch::KernelTable& kernels) {
  return std::max<int64_t>(1, static_cast<int64_t>(kernels.planar_rows) / layer.axis(2).kernel);
}

int64_t outer_taps_of(const Layer& layer) { return layer.axis(0).kernel * layer.axis(1).kernel; }

// Cycles, beside those of the products, measured:
constexpr double of_tile = 12;          // to begin and store a register tile
constexpr double of_piece = 40;         // a row of a line that comes from scratch
constexpr double of_end = 10;           // the end of a row of a line among the columns of a register tile
constexpr double of_end_of_vector = 5;  // the same where vectors do not reach beyond it
constexpr double placed = 0.2;          // a number of a register tile with such an end
constexpr double of_copy = 15;          // a row of the input that is copied
constexpr double of_call = 60;          // a kernel called for some columns of a chunk
constexpr double transposed = 0.3;      // a number of the input moved from pixels to planes
constexpr double to_pixels = 0.6;       // a number of the output moved from planes to pixels
constexpr double to_parts = 1.4;        // the same, where a pixel's channels are not all in one chunk
constexpr double through_rows = 0.6;    // a number moved from scratch to a row
constexpr double stored = 12;           // bytes of outputs a cycle, where they do not stay in L2
constexpr double read = 12;             // bytes of inputs a cycle, where they do not stay in L2
constexpr double streamed = 20;         // bytes of weights a cycle, where they do not stay in L2

// May a chunk have lines of several rows? Pixels of several channels are transposed row by row.
bool chunks_cross_taps(const Layer& layer, const arch::KernelTable& kernels) {
  return layer.out_per_group < most_lines(layer, kernels) &&
         (layer.description.layout == Layout::nchw || layer.description.out_channels == 1);
}

int64_t count_chunks(const Layer& layer, const arch::KernelTable& kernels) {
  const int64_t most = most_lines(layer, kernels);
  const int64_t taps = outer_taps_of(layer);
  if (chunks_cross_taps(layer, kernels)) return ceil_div(layer.out_per_group * taps, most);
  return taps * ceil_div(layer.out_per_group, most);
}

// Rows of two axes that are one row of memory.
bool mergeable(int outer, const Pitch& p, const int64_t* size) {
  const int64_t pitch = outer == 1 ? p.row : p.plane;
  return size[outer] == 1 || pitch == size[2] * p.pixel;
}

TileShape shape_of(const Layer& layer) {
  const Geometry& g = layer.geometry;
  TileShape s{};
  for (int a = 0; a < max_rank; ++a) {
    s.input[a] = g.axis[a].input;
    s.stride[a] = g.axis[a].stride;
    s.pad[a] = g.axis[a].pad_begin;
    s.output[a] = g.output[a];
  }
  s.in = g.input_pitch;
  s.out = g.output_pitch;
  s.residual = g.residual_pitch;
  const auto plain = [&s](int a) { return s.stride[a] == 1 && s.pad[a] == 0 && s.output[a] == s.input[a]; };
  for (int a = 1; a >= 0 && plain(2) && plain(a); --a) {
    if (!mergeable(a, s.in, s.input) || !mergeable(a, s.out, s.output) ||
        (layer.description.residual && !mergeable(a, s.residual, s.output))) {
      break;
    }
    s.input[2] *= s.input[a];
    s.output[2] *= s.output[a];
    s.input[a] = s.output[a] = 1;
  }
  return s;
}

// Cycles per step of the sum for `columns` columns of one chunk of `rows` rows of T: tiles of two vectors, the rest in one.
double column_cycles(const arch::KernelTable& kernels, double rows, int64_t columns) {
  const double vectors = static_cast<double>(kernels.planar_vectors);
  const int64_t block = static_cast<int64_t>(kernels.planar_vectors * kernels.lanes);
  const double together = std::clamp(static_cast<double>(kernels.planar_rows) / rows, 1.0, 4.0);
  const bool halves = static_cast<size_t>(std::ceil(rows)) == kernels.planar_half_rows;
  const double most = halves ? (vectors + 1) / vectors : 1;  // blocks of a tile
  const double whole = std::max({rows * vectors / 2, (rows / together / most + vectors) / 2, 5.0 / together / most});
  const int64_t rest = columns % block;
  const double last = rest == 0                                     ? 0
                      : rest <= static_cast<int64_t>(kernels.lanes) ? std::max({rows / 2, (rows + 1) / 2, 4.6})
                                                                    : whole;
  return static_cast<double>(columns / block) * whole + last;
}

double rows_of_chunk(const Layer& layer, const arch::KernelTable& kernels) {
  return static_cast<double>(layer.out_per_group * outer_taps_of(layer) * layer.axis(2).kernel) /
         static_cast<double>(count_chunks(layer, kernels));
}

bool clamps(const Layer& layer) { return arch::is_clamp(fused_epilogue(layer.description.activation).kind); }

// Are all outputs stored from registers?
bool stored_directly(const Layer& layer, const TileShape& s) {
  const Description& d = layer.description;
  if (d.residual || !(d.layout == Layout::nchw || (d.out_channels == 1 && s.out.pixel == 1))) return false;
  for (int a = 0; a < max_rank; ++a) {
    if (s.pad[a] != 0 || s.output[a] < s.stride[a] * s.input[a]) return false;
  }
  return true;
}

// Columns of a register tile.
int64_t tile_columns(const arch::KernelTable& kernels, double rows) {
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t vectors = static_cast<int64_t>(kernels.planar_vectors);
  const int64_t whole = static_cast<int64_t>(std::ceil(rows));
  if (whole == static_cast<int64_t>(kernels.planar_half_rows)) return lanes * (vectors + 1);
  return lanes * vectors * std::clamp<int64_t>(static_cast<int64_t>(kernels.planar_rows) / whole, 1, 4);
}

// What the end of a row costs a line whose vectors run across it.
double row_end_cycles(const Layer& layer, const arch::KernelTable& kernels, const TileShape& s) {
  const double stride = static_cast<double>(s.stride[2]);
  if (!stored_directly(layer, s)) return of_piece + through_rows * stride * static_cast<double>(s.input[2]);
  const int64_t tile = tile_columns(kernels, rows_of_chunk(layer, kernels));
  // Tiles end with rows that are multiples of them, and vectors are stored one by one where they do.
  if (clamps(layer) && s.input[2] % static_cast<int64_t>(kernels.lanes) == 0) return s.input[2] % tile == 0 ? 0 : of_end_of_vector;
  return s.input[2] % tile == 0 ? 0 : of_end + placed * stride * static_cast<double>(std::min(s.input[2], tile));
}

// Do vectors across the ends of rows save more than it costs to store their outputs?
bool better_across_rows(const Layer& layer, const arch::KernelTable& kernels, const TileShape& s) {
  if (s.input[1] == 1 || s.in.row != s.input[2] * s.in.pixel) return false;
  const double rows = rows_of_chunk(layer, kernels);
  const double k = static_cast<double>(layer.in_per_group);
  const double alone = column_cycles(kernels, rows, s.input[2]) * k;
  const int64_t block = static_cast<int64_t>(kernels.planar_vectors * kernels.lanes);
  const double together = column_cycles(kernels, rows, block) * k * static_cast<double>(s.input[2]) / static_cast<double>(block);
  const double lines = rows / static_cast<double>(layer.axis(2).kernel);
  const double end = row_end_cycles(layer, kernels, s);
  // Where the ends of rows cost little, they are taken together for fewer calls.
  return together + lines * end < alone + (end <= of_end_of_vector ? of_call : 0);
}

}  // namespace

bool taps_tile_all_axes(const Layer& layer) {
  if (layer.in_per_group == 1 || layer.axis(2).kernel > arch::KernelTable::max_overlap_phases) return false;
  for (int a = 0; a < max_rank; ++a) {
    const Axis& axis = layer.axis(a);
    if (axis.kernel != axis.stride || (axis.dilation != 1 && axis.kernel != 1)) return false;
  }
  return true;
}

bool planes_share_sets(const Layer& layer, const Options& options) {
  const int64_t set_bytes = 4096;  // of one way
  int64_t distance = layer.geometry.input_pitch.channel * static_cast<int64_t>(sizeof(float)) % set_bytes;
  for (int64_t rest = set_bytes; rest != 0;) {  // their greatest common divisor
    const int64_t next = distance % rest;
    distance = rest;
    rest = next;
  }
  const int64_t ways = static_cast<int64_t>(options.cache.l1) / set_bytes;
  return layer.in_per_group > set_bytes / std::max<int64_t>(distance, 64) * ways / 2;
}

LineChunk line_chunk(const Layer& layer, const TilesPlan& plan, int64_t chunk) {
  const int64_t channels = layer.out_per_group;
  if (plan.blocks_of_channels == 0) {
    const int64_t begin = ceil_div(plan.lines * chunk, plan.chunks);
    return {begin, ceil_div(plan.lines * (chunk + 1), plan.chunks), begin % channels, begin / channels};
  }
  const int64_t block = chunk / plan.taps;
  const int64_t tap = chunk % plan.taps;
  const int64_t first = ceil_div(channels * block, plan.blocks_of_channels);
  const int64_t size = ceil_div(channels * (block + 1), plan.blocks_of_channels) - first;
  const int64_t begin = first * plan.taps + tap * size;
  return {begin, begin + size, first, tap};
}

void list_lines(const Layer& layer, const LineChunk& chunk, TileLine* line) {
  int64_t channel = chunk.channel;
  int64_t z = chunk.tap / layer.axis(1).kernel;
  int64_t y = chunk.tap % layer.axis(1).kernel;
  for (int64_t i = chunk.begin; i < chunk.end; ++i) {
    *line++ = {channel, {z, y}};
    if (++channel < layer.out_per_group) continue;
    channel = 0;
    if (++y < layer.axis(1).kernel) continue;
    y = 0;
    ++z;
  }
}

bool create_tiles(const Layer& layer, const arch::KernelTable& kernels, const float* weights, const float* bias, TilesPlan* plan) {
  plan->taps = outer_taps_of(layer);
  plan->lines = layer.out_per_group * plan->taps;
  plan->chunks = count_chunks(layer, kernels);
  plan->blocks_of_channels = chunks_cross_taps(layer, kernels) ? 0 : plan->chunks / plan->taps;
  if (!plan->weights.allocate(static_cast<size_t>(layer.geometry.weight_elements))) return false;
  float* packed = plan->weights.data();
  for (int64_t group = 0; group < layer.description.groups; ++group) {
    for (int64_t i = 0; i < plan->chunks; ++i) {
      const LineChunk chunk = line_chunk(layer, *plan, i);
      TileLine line[arch::KernelTable::max_planar_rows];
      list_lines(layer, chunk, line);
      for (int64_t ci = 0; ci < layer.in_per_group; ++ci) {
        for (int64_t l = 0; l < chunk.end - chunk.begin; ++l) {
          for (int64_t t = 0; t < layer.axis(2).kernel; ++t) {
            const int64_t tap[max_rank] = {line[l].tap[0], line[l].tap[1], t};
            *packed++ = weights[weight_index(layer, group, ci, line[l].channel, tap)];
          }
        }
      }
    }
  }
  const size_t channels = static_cast<size_t>(layer.description.out_channels);
  if (!plan->bias.allocate(channels)) return false;
  if (bias != nullptr) std::memcpy(plan->bias.data(), bias, channels * sizeof(float));
  if (layer.description.activation.kind != ActivationKind::prelu) return true;
  if (!plan->slopes.allocate(channels)) return false;
  std::memcpy(plan->slopes.data(), layer.description.activation.slopes, channels * sizeof(float));
  return true;
}

void reshape_tiles(const Layer& layer, const arch::KernelTable& kernels, const Options& options, TilesPlan* plan) {
  const Description& d = layer.description;
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t block = lanes * static_cast<int64_t>(kernels.planar_vectors);
  plan->shape = shape_of(layer);
  const TileShape& s = plan->shape;
  const int64_t width = s.input[2];
  plan->across_rows = better_across_rows(layer, kernels, s);
  // Copies are better as soon as inputs are read three times: they lie in order, and share no cache set.
  plan->in_place =
      d.layout == Layout::nchw && !layer.has_input_activation() && plan->chunks <= 2 && (width >= lanes || plan->across_rows);
  // An item fills a part of L2; of L1 where columns are copied and read once or twice (then it is not filled twice), or where
  // little but them has to stay near.
  const int64_t weight_bytes =
      layer.out_per_group * layer.in_per_group * outer_taps_of(layer) * layer.axis(2).kernel * static_cast<int64_t>(sizeof(float));
  const int64_t l1 = static_cast<int64_t>(options.cache.l1);
  const bool few = d.layout == Layout::nhwc && plan->chunks <= 2;
  const bool light = d.layout == Layout::nchw && weight_bytes <= l1 / 4;
  const int64_t bytes = few ? l1 / 3 : light ? l1 / 3 * 2 : static_cast<int64_t>(options.cache.l2 / 8);
  const int64_t cached = bytes / static_cast<int64_t>(sizeof(float));
  // What is read once, where it lies, need not stay.
  const int64_t most = 1024;
  const int64_t near = plan->in_place && plan->chunks == 1 ? most : std::min(cached / layer.in_per_group, most);
  const int64_t wanted = std::max(near, 2 * block);
  if (width >= wanted && !plan->across_rows) {
    const int64_t parts = width / wanted;
    plan->columns = ceil_div(ceil_div(width, parts), block) * block;
    plan->rows = 1;
  } else {
    plan->columns = width;
    const int64_t row = plan->across_rows ? width : ceil_div(width, block) * block;
    plan->rows = std::clamp<int64_t>(ceil_div(wanted, row), 1, s.input[1]);
    plan->rows = ceil_div(s.input[1], ceil_div(s.input[1], plan->rows));  // items of one size
    if (plan->across_rows && plan->rows * width < block) plan->in_place = plan->in_place && plan->rows * width >= lanes;
  }
  plan->blocks = plan->in_place      ? 0
                 : plan->across_rows ? ceil_div(plan->rows * plan->columns, block)
                                     : plan->rows * ceil_div(plan->columns, block);
  plan->block_pitch = layer.in_per_group * block;
  plan->direct = stored_directly(layer, s);
  const bool copied = d.layout == Layout::nchw && !plan->in_place;
  // 128 -> 16 channels, k = s = 1, 160 x 160: 43 channels a tile made it 30% slower; 32 -> 8, k = s = 2: 5 of them, 9% faster.
  plan->fetches_meanwhile = copied && layer.in_per_group <= 24 * plan->chunks;
  // Tiles of a block and a half read the cache line in the middle of two of them twice. Of columns that share few sets, what is
  // asked for meanwhile would drive it out (16 -> 1, k = s = 2, 128 x 128: 8%). Copying gains 1%, what is only read loses up to 10.
  const bool halves = std::ceil(rows_of_chunk(layer, kernels)) == static_cast<double>(kernels.planar_half_rows);
  plan->asks = (plan->in_place && !halves) || !planes_share_sets(layer, options);
  // Where nothing is far, it is faster with any number (384 -> 4, k = s = 2, 76 x 12: 11%). Where blocks are longer than a cache
  // line, it is if the copy is read a few times (AVX-512, 64 -> 32 in 3-D, 24 times: 7% slower; 32 -> 8, 4 times: 9% faster).
  const bool near_input = layer.geometry.input_elements <= static_cast<int64_t>(options.cache.l2 / sizeof(float));
  plan->fetches = !plan->in_place || !near_input;
  const bool short_blocks = block * static_cast<int64_t>(sizeof(float)) <= 64;
  plan->copies_meanwhile =
      copied && !layer.has_input_activation() && (plan->fetches_meanwhile || near_input) && (short_blocks || plan->chunks <= 12);
  const int64_t columns = plan->across_rows ? plan->rows * plan->columns : plan->columns;
  plan->line_pitch = plan->direct ? 0 : ceil_div(s.stride[2] * columns, 16) * 16 + 16;
}

double estimate_tiles(const Layer& layer, const arch::KernelTable& kernels, const Options& options) {
  const Geometry& g = layer.geometry;
  const double lanes = static_cast<double>(kernels.lanes);
  const int64_t block = static_cast<int64_t>(kernels.planar_vectors * kernels.lanes);
  const double input = static_cast<double>(g.input_elements);
  const double output = static_cast<double>(g.output_elements);
  const double l2 = static_cast<double>(options.cache.l2);
  const bool nhwc = layer.description.layout == Layout::nhwc;
  TilesPlan plan;
  plan.chunks = count_chunks(layer, kernels);
  reshape_tiles(layer, kernels, options, &plan);
  const TileShape& s = plan.shape;
  // Where vectors run across rows, all columns of an item are one call.
  const int64_t columns = plan.across_rows ? plan.rows * plan.columns : plan.columns;
  const double items = static_cast<double>(ceil_div(s.input[1], plan.rows) * ceil_div(s.input[2], plan.columns));
  const double planes = static_cast<double>(layer.description.batch * layer.description.groups * s.input[0]);
  const double calls = planes * static_cast<double>(s.input[1] * s.input[2]) / static_cast<double>(columns);
  const double chunks = static_cast<double>(plan.chunks);
  const double t_rows = rows_of_chunk(layer, kernels);
  double cycles = calls * chunks *
                  (static_cast<double>(layer.in_per_group) * column_cycles(kernels, t_rows, columns) +
                   of_tile * static_cast<double>(ceil_div(columns, block)) + of_call);
  if (!plan.in_place) {
    cycles += input * (nhwc ? transposed : 2 / lanes);
    if (!plan.across_rows && s.input[2] % block != 0)
      cycles += of_copy * planes * static_cast<double>(layer.in_per_group * s.input[1]);
  }
  if (plan.line_pitch != 0) {
    const bool whole_pixels = layer.out_per_group <= most_lines(layer, kernels);
    cycles += output * (!nhwc || layer.out_per_group == 1 ? through_rows
                        : whole_pixels                    ? to_pixels
                                                          : to_parts) +
              of_piece * planes * static_cast<double>(s.input[1] * layer.out_per_group * outer_taps_of(layer));
  }
  if (plan.across_rows && plan.direct) {
    cycles +=
        row_end_cycles(layer, kernels, s) * planes * static_cast<double>(s.input[1] * layer.out_per_group * outer_taps_of(layer));
  }
  if (input * sizeof(float) > l2) cycles += input * sizeof(float) / read;
  if (output * sizeof(float) > l2) cycles += output * sizeof(float) / stored;
  const double weight_bytes = static_cast<double>(g.weight_elements) * sizeof(float);
  if (weight_bytes > l2) cycles += weight_bytes * planes * items / streamed;
  return cycles;
}

}  // namespace tconv::planar
