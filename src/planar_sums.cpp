#include "planar_sums.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "checked.hpp"
#include "planar_finish.hpp"

namespace tconv::planar {
namespace {

int64_t rounded(int64_t x, int64_t unit) { return ceil_div(x, unit) * unit; }

// Output channels whose rows are made together: those of several calls, which NHWC stores together.
int64_t choose_chunk(const Layer& layer) {
  const int64_t most = 16;
  const int64_t lines = sums_lines(layer);
  return std::min(layer.out_per_group, most / lines * lines);
}

// Cycles, measured:
constexpr double together = 0.88;       // of what is computed: while a tile ends, the next one has begun
constexpr double single = 1.8;          // where vectors are single numbers: no compiler makes vectors of these sums
constexpr double of_channel = 0.03;     // more of it with each input channel, where vectors are a cache line: copies fill L1
constexpr double of_vector_stored = 1;  // a vector of outputs
constexpr double of_part = 15;          // a row of a line that ends within a vector
constexpr double of_tile = 6;           // beside its sums
constexpr double of_row = 10;           // of a call
constexpr double of_call = 60;          // a list of terms, and the kernel called for it
constexpr double of_term = 2;           // to list it
constexpr double of_plane = 250;        // of one group: what there is to know about it (1090 groups of one row: 125 us)
constexpr double of_copied_row = 10;    // of one channel
constexpr double of_scratch_row = 40;   // a row of a call that waits in scratch
constexpr double of_last_pixel = 1.5;   // a number of it that no whole vector transposes
constexpr double copied = 11;           // bytes of inputs a cycle
constexpr double scratch = 8;           // bytes of outputs a cycle that wait in scratch
constexpr double far = 12;              // bytes a cycle, where they do not stay in L2

}  // namespace

int64_t sums_lines(const Layer& layer) {
  return std::min(layer.out_per_group, static_cast<int64_t>(arch::PlanarSums::max_sums) / layer.axis(2).stride);
}

int64_t sums_z_rows(const Layer& layer) { return std::min(layer.axis(0).input, layer.phases[0].most_taps()); }

bool sums_make_pixels(const Layer& layer) {
  const Description& d = layer.description;
  return d.layout == Layout::nhwc && !d.residual && d.groups == 1 && d.out_channels == sums_lines(layer) &&
         layer.geometry.output_pitch.pixel == d.out_channels && arch::is_clamp(fused_epilogue(d.activation).kind);
}

bool sums_store_rows(const Layer& layer) { return rows_in_place(layer) || sums_make_pixels(layer); }

bool supports_sums(const Layer& layer) { return layer.axis(2).stride <= arch::KernelTable::max_overlap_phases; }

bool create_sums(const Layer& layer, const float* weights, Plan* plan) {
  const Geometry& g = layer.geometry;
  plan->lines = sums_lines(layer);
  plan->chunk_channels = choose_chunk(layer);
  if (!plan->weights.allocate(static_cast<size_t>(g.weight_elements))) return false;
  float* packed = plan->weights.data();
  for (int64_t group = 0; group < layer.description.groups; ++group) {
    for (int64_t first = 0; first < layer.out_per_group; first += plan->lines) {
      const int64_t lines = std::min(plan->lines, layer.out_per_group - first);
      for (int64_t yz = 0; yz < g.axis[0].kernel * g.axis[1].kernel; ++yz) {
        for (int64_t ci = 0; ci < layer.in_per_group; ++ci) {
          for (int64_t tx = 0; tx < g.axis[2].kernel; ++tx) {
            const int64_t tap[max_rank] = {yz / g.axis[1].kernel, yz % g.axis[1].kernel, tx};
            for (int64_t line = 0; line < lines; ++line) *packed++ = weights[weight_index(layer, group, ci, first + line, tap)];
          }
        }
      }
    }
  }
  return true;
}

void plan_sums(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  const Geometry& g = layer.geometry;
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t block = lanes * static_cast<int64_t>(kernels.planar_vectors);
  const int64_t q_count = ceil_div(g.output[2], g.axis[2].stride);
  const int64_t planes = sums_z_rows(layer) * layer.in_per_group;
  const auto affordable = [planes](size_t bytes) { return static_cast<int64_t>(bytes / sizeof(float)) / planes; };
  // Vectors of inputs at shift 0 are aligned.
  plan->lead = (lanes - plan->largest_shift % lanes) % lanes;
  // Copies stay in a quarter of L2: shorten the strip first, then the rows; in L1, if a few periods fit there.
  const int64_t margin = plan->lead + plan->reach + (layer.geometry.input_pitch.pixel == 1 ? lanes : block);
  const int64_t fewest = plan->last_input - plan->first_input + 1;
  const int64_t strips = ceil_div(q_count, std::max(affordable(options.cache.l2 / 4) / fewest - margin, 8 * lanes));
  plan->strip = strips == 1 ? q_count : rounded(ceil_div(q_count, strips), lanes);
  plan->t_pitch = rounded(plan->strip + margin, lanes);
  const size_t half_l1 = options.cache.l1 / 2;
  const bool near = affordable(half_l1) / plan->t_pitch > 4 * (fewest - 1);
  const int64_t all = affordable(near ? half_l1 : options.cache.l2 / 4);
  const int64_t rows = std::clamp<int64_t>(all / plan->t_pitch, fewest, g.axis[1].input + fewest);
  plan->periods_per_block = std::min(rows - fewest + 1, ceil_div(g.output[1], g.axis[1].stride));
  plan->copied_rows = std::min(g.axis[1].input, plan->periods_per_block + fewest - 1);
  plan->channel_pitch = plan->copied_rows * plan->t_pitch;
  // Rows of neighbouring channels must not share a cache set.
  if (plan->channel_pitch % 256 < 32) plan->channel_pitch += 48;
  // What another kernel finishes is still in L1.
  const bool finished = arch::is_clamp(layer.description.activation.kind);
  const int64_t row = plan->chunk_channels * g.axis[2].stride * plan->strip;
  plan->rows_together =
      finished ? g.output[1] : std::max<int64_t>(1, static_cast<int64_t>(options.cache.l1 / 4 / sizeof(float)) / row);
}

double estimate_sums(const Layer& layer, const arch::KernelTable& kernels, const Options& options) {
  const Geometry& g = layer.geometry;
  const Axis& x = g.axis[2];
  const double lanes = static_cast<double>(kernels.lanes);
  const double input = static_cast<double>(g.input_elements);
  const double output = static_cast<double>(g.output_elements);
  const double planes = static_cast<double>(layer.description.batch * layer.description.groups * g.output[0]);
  const double z_taps = static_cast<double>(g.axis[0].kernel) / static_cast<double>(g.axis[0].stride);
  const double y_taps = static_cast<double>(g.axis[1].kernel) / static_cast<double>(g.axis[1].stride);
  const int64_t lines = sums_lines(layer);
  const double sums = static_cast<double>(lines * x.stride);
  const double calls = static_cast<double>(layer.out_per_group) / static_cast<double>(lines);
  const double accumulators = static_cast<double>(kernels.planar_rows * kernels.planar_vectors);
  const int64_t vectors = static_cast<int64_t>(std::clamp(std::floor(std::min(accumulators, 16.0) / sums), 1.0, 6.0));
  // Windows that meet all phases begin with tap p mod s.
  const bool dense = x.dilation == 1 || x.stride == 1;
  const int64_t shared = dense ? std::max<int64_t>(0, x.kernel - x.pad_begin % x.stride) / x.stride : 0;
  const double own = static_cast<double>(x.kernel - shared * x.stride);
  const double terms = static_cast<double>(layer.in_per_group) * z_taps * y_taps;
  const double shared_terms = terms * static_cast<double>(shared);
  // Of a term in a tile of n vectors: multiply-adds, two a cycle, or loads of inputs (some of them across two cache lines), of
  // weights and of the term itself; and each sum waits for the one before.
  const double crossing = lanes * sizeof(float) / 64;
  const auto term = [crossing](double n, double of_input, double unaligned) {
    return std::max({n * of_input / 2, ((1 + crossing * unaligned) * n + of_input + 2) / 2, 2.5});
  };
  const double own_unaligned = shared > 0 ? 1 : 0.5;
  const double shared_unaligned = shared > 1 ? 1 - 1 / static_cast<double>(shared) : 0;
  double of_vectors = 0;
  const auto add_tiles = [&](int64_t tiles, int64_t size) {
    const double n = static_cast<double>(size);
    of_vectors += static_cast<double>(tiles) *
                  (shared_terms * term(n, sums, shared_unaligned) +
                   terms * own * term(n, static_cast<double>(lines), own_unaligned) + of_vector_stored * n * sums + of_tile);
  };
  int64_t left = ceil_div(ceil_div(g.output[2], x.stride), static_cast<int64_t>(kernels.lanes));
  const int64_t fewer = vectors > 4 ? 4 : 2;
  const bool evenly = 2 * fewer > vectors && left >= 2 * fewer && (left - 2 * fewer) % vectors == 0;
  const int64_t tiles = (evenly ? left - 2 * fewer : left) / vectors;
  add_tiles(tiles, vectors);
  for (left -= tiles * vectors; left > 0;) {
    const int64_t size = left >= fewer ? fewer : left >= 2 ? 2 : 1;
    add_tiles(1, size);
    left -= size;
  }
  // A row that ends within a vector: its outputs are copied, and its pixels transposed one by one.
  const int64_t part = ceil_div(g.output[2], x.stride) % static_cast<int64_t>(kernels.lanes);
  if (part != 0) of_vectors += of_part * static_cast<double>(lines);
  const double rows = planes * static_cast<double>(g.output[1]) * calls;
  // Copies of which L1 does not hold those that a few periods meet come from L2 for each tap of y.
  const InputRows met = input_rows(layer);
  const double met_bytes = static_cast<double>(met.last - met.first) * static_cast<double>(layer.in_per_group) *
                           (static_cast<double>(x.input) + 2 * lanes * static_cast<double>(kernels.planar_vectors)) * sizeof(float);
  const double far_copies = 4 * met_bytes > static_cast<double>(options.cache.l1 / 2) ? 2.5 : 1;
  double cycles = (kernels.lanes == 1 ? single : together) * rows * (of_vectors + of_row) *
                  (1 + of_channel * crossing * far_copies * static_cast<double>(layer.in_per_group));
  const double borders =
      std::min(static_cast<double>(g.axis[1].kernel) + static_cast<double>(g.axis[1].stride), static_cast<double>(g.output[1]));
  cycles += of_plane * planes;
  cycles += planes * calls * borders * (of_call + of_term * terms * static_cast<double>(x.kernel));
  cycles += input * sizeof(float) / copied + of_copied_row * input / static_cast<double>(x.input);
  if (!sums_store_rows(layer)) {
    const double transposed = of_last_pixel * static_cast<double>(g.output[2] % static_cast<int64_t>(kernels.lanes));
    cycles += output * sizeof(float) / scratch + rows * (of_scratch_row + transposed * static_cast<double>(lines));
  }
  if ((input + output) * sizeof(float) > static_cast<double>(options.cache.l2)) cycles += (input + output) * sizeof(float) / far;
  return cycles;
}

}  // namespace tconv::planar
