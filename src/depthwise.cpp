#include "depthwise.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "activation.hpp"
#include "checked.hpp"

namespace tconv::depthwise {
namespace {

// Groups of more inputs are left to matrix products, and their copies would be many.
constexpr int64_t most_inputs = 8;

// Are pixels copied, so that each input channel stands beside the outputs that are made of it?
bool spreads(const Layer& layer) {
  return layer.description.layout == Layout::nhwc && (layer.in_per_group != 1 || layer.out_per_group != 1);
}

// The weights as [vector of output channels][input channel of the group][tap][lane].
void pack(const Layer& layer, const float* from, int64_t lanes, float* to) {
  const int64_t taps = layer.geometry.taps;
  const int64_t inputs = layer.in_per_group;
  for (int64_t c = 0; c < layer.description.out_channels; ++c) {
    const int64_t group = c / layer.out_per_group;
    for (int64_t i = 0; i < inputs; ++i) {
      const float* const w = from + ((group * inputs + i) * layer.out_per_group + c % layer.out_per_group) * taps;
      float* const packed = to + (c / lanes * inputs + i) * taps * lanes + c % lanes;
      for (int64_t t = 0; t < taps; ++t) packed[t * lanes] = w[t];
    }
  }
}

// The x-phases in the order of the outputs.
bool place_phases(const Layer& layer, Plan* plan) {
  const Axis& x = layer.axis(2);
  const int64_t phases = std::min(x.stride, layer.output(2));
  if (!plan->phases.allocate(static_cast<size_t>(phases))) return false;
  for (int64_t i = 0; i < phases; ++i) {
    const OutputPhase outputs = output_phase(x, layer.output(2), i);
    const LivePhase* const phase = layer.phases[2].find(outputs.index);
    if (phase == nullptr) continue;
    plan->phases[static_cast<size_t>(i)] = {static_cast<size_t>(phase->taps), static_cast<size_t>(phase->first_tap),
                                            static_cast<ptrdiff_t>(outputs.q - phase->input_offset)};
  }
  return true;
}

// Can planes have their vectors along x? Zeros beside the image meet the weights, and few of them shall be needed.
bool can_pad(const Layer& layer) {
  constexpr int64_t most_rows = 64;
  constexpr int64_t most_columns = 1024;
  const auto reach = [&](const AxisPhases& phases) { return (phases.most_taps() - 1) * phases.input_step; };
  return layer.finite_weights && reach(layer.phases[1]) <= most_rows && reach(layer.phases[2]) <= most_columns;
}

// The kernel has forms for these numbers of phases.
bool can_go_along_x(const Layer& layer) {
  const int64_t phases = std::min(layer.axis(2).stride, layer.output(2));
  return layer.description.layout == Layout::nchw && (phases <= 2 || phases == 4) && can_pad(layer);
}

double output_bytes(const Layer& layer) { return static_cast<double>(layer.geometry.output_elements) * sizeof(float); }

// The rows of y that a period meets.
void plan_rows(const Layer& layer, Plan* plan) {
  const Axis& y = layer.geometry.axis[1];
  plan->first_input = INT64_MAX;
  plan->last_input = INT64_MIN;
  for (const LivePhase& phase : layer.phases[1].live) {
    const int64_t q = y.pad_begin / y.stride + (phase.index < y.pad_begin % y.stride ? 1 : 0);
    const int64_t last = q - phase.input_offset;
    plan->first_input = std::min(plan->first_input, last - (phase.taps - 1) * layer.phases[1].input_step);
    plan->last_input = std::max(plan->last_input, last);
  }
}

// Is every other output of every other row one product, and all else f(bias), in rows that the kernel for such
// (DepthwiseSparseRows) takes? It reads the inputs of outputs alone, and with a single tap these are all in the image where the
// last ones are.
bool reads_in_place(const Layer& layer, const Plan& plan, int64_t lanes) {
  if (layer.in_per_group != 1 || layer.geometry.taps != 1 || plan.phases.size() != 2 || layer.output(2) < 2 * lanes) return false;
  if (layer.description.residual || !arch::is_clamp(fused_epilogue(layer.description.activation).kind)) return false;
  for (int i : {1, 2}) {
    const Axis& axis = layer.axis(i);
    if ((layer.output(i) - 1 + axis.pad_begin) / axis.stride >= axis.input) return false;
  }
  return true;
}

// What rows between zeros take.
void plan_planes(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  const Geometry& g = layer.geometry;
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  plan_rows(layer, plan);
  int64_t left = 0;
  int64_t shift = 0;
  for (const arch::DepthwisePhase& phase : plan->phases) {
    if (phase.taps == 0) continue;
    left = std::max<int64_t>(left, (static_cast<int64_t>(phase.taps) - 1) * layer.phases[2].input_step - phase.shift);
    shift = std::max<int64_t>(shift, phase.shift);
  }
  const int64_t cells = ceil_div(g.output[2], static_cast<int64_t>(plan->phases.size()));
  Plan::Planes& planes = plan->planes;
  planes.left = ceil_div(left, lanes) * lanes;
  planes.pitch = planes.left + ceil_div(std::max(g.axis[2].input, ceil_div(cells, lanes) * lanes + shift), lanes) * lanes;
  const int64_t reach = plan->last_input - plan->first_input;
  const int64_t z_rows = std::min(g.axis[0].input, layer.phases[0].most_taps());
  const int64_t periods = ceil_div(g.output[1], g.axis[1].stride);
  planes.in_place = reads_in_place(layer, *plan, lanes);
  if (planes.in_place) {
    planes.pitch = neighbour_distance(g.axis[1].input, 1, g.input_pitch.row);
    planes.left = planes.plane = 0;
    plan->periods_per_block = periods;
    plan->input_floats = 0;
    return;
  }
  const int64_t affordable = static_cast<int64_t>(options.cache.l1 / sizeof(float)) / 2;
  plan->periods_per_block =
      std::clamp<int64_t>(std::max(affordable / (layer.in_per_group * z_rows * planes.pitch) - reach, reach), 1, periods);
  planes.plane = (plan->periods_per_block + reach) * planes.pitch;
  plan->input_floats = ceil_div(layer.in_per_group * z_rows * planes.plane + lanes, 16) * 16;
}

constexpr int64_t most_strip = 64;  // channels of planes that are transposed at a time

// What the transposed rows of planes take, or pixels whose channels are spread.
void plan_copies(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  const Geometry& g = layer.geometry;
  const Axis& y = g.axis[1];
  plan_rows(layer, plan);
  const int64_t reach = std::min(plan->last_input - plan->first_input, y.input);
  const int64_t z_rows = std::min(g.axis[0].input, layer.phases[0].most_taps());
  const int64_t periods = ceil_div(g.output[1], y.stride);
  const int64_t input_row = layer.in_per_group * z_rows * g.axis[2].input;
  const int64_t output_rows =
      layer.description.layout == Layout::nhwc ? 0 : g.output[2] * std::min(y.stride, g.output[1]);  // of a period
  const int64_t affordable = static_cast<int64_t>(options.cache.l1 / sizeof(float)) * 3 / 4;
  const bool nchw = layer.description.layout == Layout::nchw;
  const auto fit = [&](int64_t strip) { return (affordable / strip - reach * input_row) / (input_row + output_rows); };
  // Wide strips have fewer rows, narrow ones more periods that share what is copied.
  plan->strip = ceil_div(layer.description.out_channels, static_cast<int64_t>(kernels.lanes)) * static_cast<int64_t>(kernels.lanes);
  if (nchw) plan->strip = std::min(layer.description.out_channels, fit(most_strip) > 1 ? most_strip : most_strip / 2);
  // As many periods as L1 has room for, and at least so many that what they share is not copied often.
  const int64_t fitting = fit(plan->strip);
  plan->periods_per_block = std::clamp<int64_t>(std::max(fitting, reach), 1, periods);
  const int64_t input_rows = std::min(y.input, plan->periods_per_block + reach);
  plan->input_floats = (input_rows * input_row * plan->strip + 15) / 16 * 16;
  if (nchw) plan->output_floats = (plan->periods_per_block * output_rows * plan->strip + 15) / 16 * 16;
}

}  // namespace

bool supports(const Layer& layer, const Options&) {
  constexpr int64_t most_phases = int64_t{1} << 20;    // they are listed, those without taps too
  constexpr int64_t most_elements = int64_t{1} << 48;  // of a tensor; more than any memory has
  if (std::min(layer.axis(2).stride, layer.output(2)) > most_phases) return false;
  if (std::max(layer.geometry.input_elements, layer.geometry.output_elements) > most_elements) return false;
  // Several outputs of a channel, or inputs of an output, are made from copies; of planes whatever their size becomes.
  const bool several = layer.description.layout == Layout::nhwc || (layer.axis(2).stride <= 2 && can_pad(layer));
  const bool few_inputs = layer.in_per_group == 1 || (layer.description.groups > 1 && layer.in_per_group <= most_inputs);
  const bool depthwise = layer.in_per_group == 1 && layer.out_per_group == 1;
  return few_inputs && (depthwise || several) && !layer.has_input_activation();
}

namespace {

// Cycles, measured (src/plan.hpp):
constexpr double row_overhead = 100;     // an output row
constexpr double call_overhead = 30;     // a kernel called for some sums
constexpr double transposed = 0.5;       // a number moved between pixels and planes, whatever the vectors are
constexpr double spread = 3;             // a vector of copied inputs beside their outputs
constexpr double bytes_from_l2 = 24;     // a cycle, where rows of such copies and the weights do not stay in L1
constexpr double stored_beyond_l2 = 16;  // bytes of outputs a cycle, where they do not stay in L2
// Vectors along x:
constexpr double plane_overhead = 90;  // an output plane of a channel
constexpr double copied = 1.5;         // a vector of inputs
constexpr double tap_of_vector = 1.1;  // a tap of a vector of cells
constexpr double tap_of_pair = 0.5;    // the same where two phases of neighbouring taps share their inputs
constexpr double tap_of_pairs = 0.65;  // and where several inputs are summed
constexpr double stored_vector = 2;    // a vector of outputs
constexpr double masked_end = 6;       // a row that ends before its last vector does
constexpr double copied_end = 12;      // where stores have no mask

double channels_cycles(const Layer& layer, const arch::KernelTable& kernels, const CacheSizes& cache) {
  const Geometry& g = layer.geometry;
  const Axis& x = g.axis[2];
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t channels = layer.description.out_channels;
  const double vectors = static_cast<double>(channels / lanes) + (channels % lanes != 0 ? 2 : 0);
  const double planes = static_cast<double>(layer.description.batch);
  const double rows = planes * static_cast<double>(g.output[0] * g.output[1]);
  // Rows times the taps of z and y that they meet, for each input of a group; those in the crop are counted too.
  const double inputs = static_cast<double>(layer.in_per_group);
  const double row_taps =
      planes * inputs * static_cast<double>(g.axis[0].input * g.axis[0].kernel * g.axis[1].input * g.axis[1].kernel);
  const double taps = static_cast<double>(x.kernel);
  // In fours; those at borders take longer. Of four and five taps also threes, so that none is left over.
  const int64_t cells_of_row = ceil_div(g.output[2], x.stride);
  const bool threes = x.stride == 2 && x.dilation == 1 && (x.kernel == 4 || x.kernel == 5);
  const double cells = (threes ? static_cast<double>(cells_of_row) / 4 : static_cast<double>(ceil_div(cells_of_row, 4))) + 0.5;
  // Strips of planes have rows of their own.
  const double strips = layer.description.layout == Layout::nchw ? static_cast<double>(ceil_div(channels, most_strip)) : 1;
  double cycles = rows * strips * row_overhead;
  if (x.stride == 2 && x.dilation == 1 && x.kernel <= 5) {
    cycles += cells * (rows * strips * call_overhead + vectors * (row_taps * (2 * taps + 2) + rows * 15));
  } else if (x.stride == 1 && x.dilation == 1 && x.kernel >= 2 && x.kernel <= 5) {
    const double eights = static_cast<double>(cells_of_row) / 8 + 0.25;
    cycles += eights * (rows * strips * call_overhead + vectors * (row_taps * (4 * taps + 2) + rows * (lanes > 8 ? 50 : 15)));
  } else {
    // Eight sums or fewer a call; cells that do not meet all of their taps are done one by one, and parts of vectors apart.
    const double outputs = static_cast<double>(g.output[2]);
    const double alone = static_cast<double>(x.dilation * (x.kernel - 1) / x.stride * std::min(x.stride, g.output[2]));
    const double calls = (outputs / 6 + alone / 2) * (channels % lanes != 0 ? 2 : 1);
    const double stored = lanes > 8 ? 6 : 2.7;
    cycles += rows * strips * calls * call_overhead + vectors * rows * (outputs + alone) * stored +
              vectors * row_taps * taps * static_cast<double>(x.input);
  }
  if (layer.description.layout == Layout::nchw) cycles += transposed * static_cast<double>(g.output_elements + g.input_elements);
  if (spreads(layer)) {
    const int64_t pixels = layer.description.batch * g.axis[0].input * g.axis[1].input * g.axis[2].input;
    cycles += spread * inputs * static_cast<double>(pixels * ceil_div(channels, lanes));
    const double weights = inputs * static_cast<double>(channels * g.taps) * sizeof(float);
    const double input_row = static_cast<double>(g.axis[2].input * channels) * sizeof(float);
    const double near = weights + inputs * static_cast<double>(g.axis[1].kernel) * input_row;
    // Beyond six tenths of L1 some of it comes from L2, and soon all.
    const double far = std::clamp(near / static_cast<double>(cache.l1) - 0.6, 0.0, 1.0);
    if (far > 0) {
      const double met = weights / static_cast<double>(g.axis[0].kernel * g.axis[1].kernel) * row_taps / inputs * cells;
      cycles += far * (met + row_taps * input_row) / bytes_from_l2;
    }
  }
  return cycles;
}

// Planes, vectors along x.
double planes_cycles(const Layer& layer, const arch::KernelTable& kernels) {
  const Geometry& g = layer.geometry;
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t phases = std::min(g.axis[2].stride, g.output[2]);
  const double planes = static_cast<double>(layer.description.batch * layer.description.out_channels);
  const double vectors = static_cast<double>(ceil_div(ceil_div(g.output[2], phases), lanes));
  const double inputs = static_cast<double>(layer.in_per_group);
  const double row_taps = inputs * static_cast<double>(g.axis[0].input * g.axis[0].kernel * g.axis[1].input * g.axis[1].kernel);
  const double rows = static_cast<double>(g.output[0] * g.output[1]);
  const double input_vectors = inputs * static_cast<double>(g.axis[0].input * g.axis[1].input * ceil_div(g.axis[2].input, lanes));
  // One tap in two outputs: the last vectors of a row reach back.
  const bool sparse = phases == 2 && g.axis[2].kernel == 1 && g.output[2] >= 2 * lanes && !layer.description.residual;
  const bool whole = sparse || g.output[2] % (phases * lanes) == 0;
  const double end = whole ? 0 : lanes > 4 ? masked_end : copied_end;
  const double stored = stored_vector * vectors * static_cast<double>(phases) + end;
  // Four rows of a phase of y go by together; those that are left do not share.
  const int64_t rows_of_phase = ceil_div(g.output[1], g.axis[1].stride);
  const bool pairs = g.axis[2].stride == 2 && g.axis[2].dilation == 1 && g.axis[2].kernel >= 3 && g.axis[2].kernel <= 5;
  const double shared = pairs ? static_cast<double>(rows_of_phase / 4 * 4) / static_cast<double>(rows_of_phase) : 0;
  const double tap = shared * (layer.in_per_group == 1 ? tap_of_pair : tap_of_pairs) + (1 - shared) * tap_of_vector;
  // All outputs of a group are made of the same copies; one tap needs none.
  const double copies = sparse && g.taps == 1 ? 0 : input_vectors / static_cast<double>(layer.out_per_group);
  return planes * (plane_overhead * static_cast<double>(g.output[0]) + copied * copies +
                   tap * row_taps * static_cast<double>(g.axis[2].kernel) * vectors + rows * stored);
}

bool along_x(const Layer& layer, const arch::KernelTable& kernels, const CacheSizes& cache) {
  if (!can_go_along_x(layer)) return false;
  return layer.in_per_group != 1 || layer.out_per_group != 1 ||
         planes_cycles(layer, kernels) < channels_cycles(layer, kernels, cache);
}

}  // namespace

double estimate(const Layer& layer, const arch::KernelTable& kernels, const Options& options) {
  const bool planes = along_x(layer, kernels, options.cache);
  const double cycles = planes ? planes_cycles(layer, kernels) : channels_cycles(layer, kernels, options.cache);
  const double bytes = output_bytes(layer);
  if (bytes <= static_cast<double>(options.cache.l2)) return cycles;
  return cycles + bytes / stored_beyond_l2;
}

Status create(const Layer& layer, const arch::KernelTable& kernels, const Options& options, const float* weights, const float* bias,
              Plan* plan) {
  const Status no_memory = Status::error(StatusCode::out_of_memory, "weights: no memory for the packed copy");
  const int64_t lanes = static_cast<int64_t>(kernels.lanes);
  const int64_t channels = layer.description.out_channels;
  const int64_t padded = ceil_div(channels, lanes) * lanes;
  const Checked weight_count = Checked(padded) * layer.in_per_group * layer.geometry.taps;
  if (weight_count.overflowed() || !plan->weights.allocate(static_cast<size_t>(weight_count.value())) ||
      !plan->bias.allocate(static_cast<size_t>(padded)))
    return no_memory;
  pack(layer, weights, lanes, plan->weights.data());
  if (bias != nullptr) std::memcpy(plan->bias.data(), bias, static_cast<size_t>(channels) * sizeof(float));
  if (layer.description.activation.kind == ActivationKind::prelu) {
    if (!plan->slopes.allocate(static_cast<size_t>(padded))) return no_memory;
    std::memcpy(plan->slopes.data(), layer.description.activation.slopes, static_cast<size_t>(channels) * sizeof(float));
  }
  if (spreads(layer)) {
    if (!plan->sources.allocate(static_cast<size_t>(channels))) return no_memory;
    for (int64_t c = 0; c < channels; ++c)
      plan->sources[static_cast<size_t>(c)] = static_cast<int32_t>(c / layer.out_per_group * layer.in_per_group);
  }
  plan->chunks = ceil_div(channels, chunk_channels);
  return reshape(layer, kernels, options, plan);
}

Status reshape(const Layer& layer, const arch::KernelTable& kernels, const Options& options, Plan* plan) {
  if (!place_phases(layer, plan)) return Status::error(StatusCode::out_of_memory, "output: no memory for the list of its phases");
  plan->taps = layer.in_per_group * layer.phases[0].most_taps() * layer.phases[1].most_taps();
  plan->beyond_l2 = output_bytes(layer) > static_cast<double>(options.cache.l2);
  plan->input_floats = plan->output_floats = 0;
  plan->planes = {};
  plan->periods_per_block = ceil_div(layer.output(1), layer.axis(1).stride);
  if (along_x(layer, kernels, options.cache)) {
    plan->planes.used = true;
    plan_planes(layer, kernels, options, plan);
  } else if (layer.description.layout == Layout::nchw || spreads(layer)) {
    plan_copies(layer, kernels, options, plan);
  }
  return {};
}

size_t workspace_bytes(const Layer& layer, const arch::KernelTable&, const Plan& plan) {
  if (plan.planes.used) return planes_workspace_bytes(layer, plan);
  const size_t taps = plan.taps > Plan::stack_taps ? static_cast<size_t>(plan.taps) * sizeof(arch::DepthwiseTap) : 0;
  return static_cast<size_t>(plan.input_floats + plan.output_floats) * sizeof(float) + (taps + 63) / 64 * 64;
}

size_t packed_bytes(const Plan& plan) {
  return plan.weights.bytes() + plan.bias.bytes() + plan.slopes.bytes() + plan.sources.bytes();
}

}  // namespace tconv::depthwise
