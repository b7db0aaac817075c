#include <algorithm>
#include <cstring>

#include "activation.hpp"
#include "checked.hpp"
#include "input_rows.hpp"
#include "strassen.hpp"
#include "streamed_output.hpp"
#include "tasks.hpp"

namespace tconv::strassen {
namespace {

// A thread at work.
class Task {
 public:
  Task(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments, size_t slot)
      : layer_(layer),
        kernels_(kernels),
        plan_(plan),
        arguments_(arguments),
        epilogue_(fused_epilogue(layer.description.activation)),
        activation_(unfused_activation(kernels.activations, layer.description.activation.kind)) {
    const Workspace w = workspace(layer, plan);
    factors_ = reinterpret_cast<float*>(arguments.workspace + slot * w.bytes());
    tiles_ = factors_ + w.factors;
    pixel_ = tiles_ + w.products;
    rows_ = pixel_ + w.pixel;
    for (int i = 0; i < 4; ++i) offset_[i] = reinterpret_cast<ptrdiff_t*>(rows_ + w.rows) + i * plan.half_rows;
  }

  // Block number `block` of an image, with the pairs of panels [first, last).
  void block(int64_t image, int64_t block, int64_t first, int64_t last) {
    begin_ = block * 2 * plan_.half_rows;
    const int64_t rows = std::min(2 * plan_.half_rows, plan_.image_rows - begin_);
    upper_ = ceil_div(rows, 2);
    lower_ = rows - upper_;
    const Geometry& g = layer_.geometry;
    output_ = arguments_.output + image * g.output_pitch.batch;
    residual_ = arguments_.residual != nullptr ? arguments_.residual + image * g.residual_pitch.batch : nullptr;
    make_factors(arguments_.input + image * g.input_pitch.batch);
    streams_ = plan_.streams && line_aligned(output_);
    if (plan_.direct) find_rows();
    for (int64_t pair = first; pair < last; ++pair) panels(pair);
  }

  // The outputs of one plane of an image that meet no input: f(bias + residual).
  void uncovered(int64_t image, int64_t z) {
    const Geometry& g = layer_.geometry;
    int64_t covered[max_rank];
    for (int a = 0; a < max_rank; ++a) {
      const Axis& axis = layer_.axis(a);
      covered[a] = std::clamp<int64_t>(axis.stride * axis.input - axis.pad_begin, 0, g.output[a]);
    }
    for (int64_t y = 0; y < g.output[1]; ++y) {
      const int64_t x = z < covered[0] && y < covered[1] ? covered[2] : 0;
      if (x == g.output[2]) continue;
      const auto at = [&](const Pitch& p) { return image * p.batch + z * p.plane + y * p.row + x * p.pixel; };
      bias_pixels(arguments_.output + at(g.output_pitch),
                  arguments_.residual != nullptr ? arguments_.residual + at(g.residual_pitch) : nullptr, g.output[2] - x);
    }
  }

 private:
  struct Pixel {
    int64_t z, y, x;
  };
  Pixel pixel_of(int64_t row) const {
    const int64_t width = layer_.axis(2).input, height = layer_.axis(1).input;
    return {row / width / height, row / width % height, row % width};
  }

  // Walks through the pixels of an image.
  void next(Pixel* p) const {
    if (++p->x < layer_.axis(2).input) return;
    p->x = 0;
    if (++p->y < layer_.axis(1).input) return;
    p->y = 0;
    ++p->z;
  }

  int64_t pixel_pitch() const { return layer_.geometry.input_pitch.pixel; }

  void make_factors(const float* input) {
    Pixel upper = pixel_of(begin_), lower = pixel_of(begin_ + upper_);
    float* const zeros = pixel_ + layer_.in_per_group;
    arch::StrassenInput rows{
        nullptr,        nullptr, static_cast<size_t>(plan_.half_k), factors_, static_cast<ptrdiff_t>(plan_.half_rows * plan_.pitch),
        !plan_.in_place};
    if (plan_.in_place) input_ = input + begin_ * pixel_pitch();
    for (int64_t row = 0; row < upper_; ++row, rows.to += plan_.pitch) {
      rows.upper = input_pixel(input, upper, pixel_);
      next(&upper);
      if (row < lower_) {
        rows.lower = input_pixel(input, lower, zeros);
        next(&lower);
      } else {
        std::memset(zeros, 0, static_cast<size_t>(layer_.in_per_group) * sizeof(float));
        rows.lower = zeros;
      }
      kernels_.strassen_input(rows);
    }
  }
  // Where it lies, or a copy with its activation.
  const float* input_pixel(const float* input, const Pixel& p, float* copy) const {
    const Pitch& pitch = layer_.geometry.input_pitch;
    const float* const pixel = input + p.z * pitch.plane + p.y * pitch.row + p.x * pitch.pixel;
    if (!layer_.has_input_activation()) return pixel;
    std::memcpy(copy, pixel, static_cast<size_t>(layer_.in_per_group) * sizeof(float));
    activate_input(layer_, kernels_, copy, static_cast<size_t>(layer_.in_per_group));
    return copy;
  }

  // Where the tiles of outputs of the rows begin.
  void find_rows() {
    const Geometry& g = layer_.geometry;
    const int64_t sz = g.axis[0].stride, sy = g.axis[1].stride, sx = g.axis[2].stride;
    const auto find = [&](int64_t first, int64_t count, const Pitch& pitch, ptrdiff_t* to) {
      Pixel p = pixel_of(first);
      for (int64_t i = 0; i < count; ++i, next(&p)) to[i] = sz * p.z * pitch.plane + sy * p.y * pitch.row + sx * p.x * pitch.pixel;
    };
    find(begin_, upper_, g.output_pitch, offset_[0]);
    find(begin_ + upper_, lower_, g.output_pitch, offset_[1]);
    if (residual_ == nullptr) return;
    find(begin_, upper_, g.residual_pitch, offset_[2]);
    find(begin_ + upper_, lower_, g.residual_pitch, offset_[3]);
  }

  // The block's rows with a pair of panels.
  void panels(int64_t pair) {
    const size_t left = static_cast<size_t>(2 * pair);
    const size_t right = left + 1 < plan_.panels.size() ? left + 1 : 0;
    float* const sum = tiles_;
    float* const shared = sum + plan_.half_rows * plan_.width;
    float* const own = shared + plan_.half_rows * plan_.width;
    multiply(pair, 1, upper_, nullptr, sum);  // P1
    finish(pair, 2, left, 0, sum);            // C11 = P1 + P2
    multiply(pair, 3, upper_, sum, sum);      // P1 + P3
    if (right != 0) {
      multiply(pair, 4, upper_, sum, shared);   // P1 + P3 + P4
      finish(pair, 5, right, 0, shared);        // C12 = P1 + P3 + P4 + P5
      multiply(pair, 6, lower_, nullptr, own);  // P6
      store(right, 1, shared, own, sum);        // C22 = P1 + P3 + P4 + P6; P1 + P3 + P6
    }
    finish(pair, 7, left, 1, sum);  // C21 = P1 + P3 + P6 + P7
  }

  // Product `number`, without a place in C yet.
  arch::GemmStrip product(int64_t pair, int number, int64_t rows, arch::GemmSegment* segment) const {
    const int64_t floats = plan_.half_k * plan_.width;
    *segment = {factors_ + (number - 1) * plan_.half_rows * plan_.pitch, static_cast<size_t>(plan_.half_k), 0};
    arch::GemmStrip strip{};
    strip.segment = segment;
    strip.segments = 1;
    strip.a_stride = plan_.pitch;
    if (plan_.in_place && (number <= 2 || number == 7)) {  // A11, A12, A22
      strip.a_stride = pixel_pitch();
      segment->a = input_ + (number == 7 ? upper_ * strip.a_stride : 0) + (number == 1 ? 0 : plan_.half_k);
    }
    strip.b = plan_.weights.data() + pair * plan_.pair_weights() + (number - 1) * floats;
    strip.rows = static_cast<size_t>(rows);
    strip.columns = static_cast<size_t>(plan_.width);
    strip.bias = plan_.bias.data() + plan_.panels.size() * static_cast<size_t>(plan_.width);  // zeros
    strip.residual_stride = plan_.width;
    if (kernels_.gemm_asks && plan_.far_weights) {
      strip.next = strip.b + floats;
      strip.next_lines = static_cast<size_t>(floats / line_floats);
    } else {
      strip.new_rows = true;
    }
    return strip;
  }

  // to = sum + product; nullptr: no sum.
  void multiply(int64_t pair, int number, int64_t rows, const float* sum, float* to) const {
    arch::GemmSegment segment;
    arch::GemmStrip strip = product(pair, number, rows, &segment);
    strip.c = to;
    strip.c_stride = plan_.width;
    strip.residual = sum;
    if (sum == to) {
      strip.residual = nullptr;
      strip.bias = nullptr;
    }
    kernels_.gemm[plan_.vectors - 1](strip);
  }

  // Rows of the upper (0) or the lower half.
  int64_t rows_of(int half) const { return half == 0 ? upper_ : lower_; }

  // sum + product is what the rows of a half have in a panel.
  void finish(int64_t pair, int number, size_t panel_number, int half, const float* sum) {
    const int64_t rows = rows_of(half);
    const Panel& panel = plan_.panels[panel_number];
    const bool narrow = panel.columns <= plan_.width - static_cast<int64_t>(kernels_.lanes);  // more than the kernel knows
    if (!plan_.direct || residual_ != nullptr || narrow || !arch::is_clamp(epilogue_.kind)) {
      float* const own = tiles_ + 2 * plan_.half_rows * plan_.width;
      multiply(pair, number, rows, nullptr, own);
      return store(panel_number, half, sum, own, nullptr);
    }
    const Pitch& pitch = layer_.geometry.output_pitch;
    const int64_t width = layer_.axis(2).input, plane = width * layer_.axis(1).input;
    const int64_t first = begin_ + half * upper_;
    const int64_t last = first + rows;
    arch::GemmSegment segment;
    arch::GemmStrip strip = product(pair, number, rows, &segment);
    strip.bias = plan_.bias.data() + panel_number * static_cast<size_t>(plan_.width);
    strip.columns = static_cast<size_t>(panel.columns);
    strip.epilogue = epilogue_;
    strip.streams = streams_ && panel.columns == plan_.width;
    strip.c_stride = neighbour_distance(width, layer_.axis(2).stride, pitch.pixel);
    strip.c_run_stride = neighbour_distance(layer_.axis(1).input, layer_.axis(1).stride, pitch.row);
    strip.a_run_stride = width * strip.a_stride;
    strip.residual_run_stride = width * strip.residual_stride;
    strip.residual = sum;
    // Image rows are runs, planes one by one.
    for (int64_t row = first; row < last;) {
      const int64_t count = std::min(last, (row / plane + 1) * plane) - row;
      strip.rows = static_cast<size_t>(count);
      strip.first_run = static_cast<size_t>(width - row % width);
      strip.run = static_cast<size_t>(width);
      if (count <= static_cast<int64_t>(strip.first_run) || strip.c_run_stride == width * strip.c_stride) strip.run = 0;
      strip.c = output_ + offset_[half][row - first] + panel_offset(panel, pitch);
      kernels_.gemm[plan_.vectors - 1](strip);
      segment.a += count * strip.a_stride;
      strip.residual += count * strip.residual_stride;
      row += count;
    }
    activate_rows(output_ + panel_offset(panel, pitch), offset_[half], rows, panel.columns);
  }

  // The same, of a product that was made.
  void store(size_t panel_number, int half, const float* sum, const float* product, float* also) {
    const int64_t rows = rows_of(half);
    if (rows == 0) return;
    const Panel& panel = plan_.panels[panel_number];
    const size_t width = static_cast<size_t>(plan_.width);
    arch::StrassenOutput out{};
    out.sum = sum;
    out.product = product;
    out.also = also;
    out.width = width;
    out.rows = static_cast<size_t>(rows);
    out.columns = static_cast<size_t>(panel.columns);
    out.bias = plan_.bias.data() + panel_number * width;
    out.slopes = plan_.slopes.size() != 0 ? plan_.slopes.data() + panel_number * width : nullptr;
    out.epilogue = epilogue_;
    out.streams = streams_;
    if (!plan_.direct) return scatter(out, panel, begin_ + half * upper_);
    out.c = output_ + panel_offset(panel, layer_.geometry.output_pitch);
    out.row = offset_[half];
    if (residual_ != nullptr) {
      out.residual = residual_ + panel_offset(panel, layer_.geometry.residual_pitch);
      out.residual_row = offset_[2 + half];
    }
    kernels_.strassen_output(out);
    activate_rows(out.c, out.row, rows, panel.columns);
  }

  static ptrdiff_t panel_offset(const Panel& panel, const Pitch& pitch) {
    return panel.z * pitch.plane + panel.y * pitch.row + panel.first_column;
  }

  void activate_rows(float* c, const ptrdiff_t* row, int64_t rows, int64_t columns) const {
    if (activation_ == nullptr) return;
    for (int64_t m = 0; m < rows; ++m) activate(c + row[m], static_cast<size_t>(columns));
  }

  void activate(float* x, size_t n) const { activation_(x, n, layer_.description.activation.alpha); }

  // By way of scratch rows, from which what has a place in the output is copied; `row` is the first.
  void scatter(arch::StrassenOutput& out, const Panel& panel, int64_t row) {
    const Geometry& g = layer_.geometry;
    for (size_t m = 0; m < out.rows; ++m) offset_[0][m] = static_cast<ptrdiff_t>(m * out.width);
    out.c = rows_;
    out.row = out.residual_row = offset_[0];
    if (residual_ != nullptr) {
      out.residual = rows_;
      std::memset(rows_, 0, out.rows * out.width * sizeof(float));
      for (size_t m = 0; m < out.rows; ++m) {
        each_piece(panel, row + static_cast<int64_t>(m), g.residual_pitch, [&](int64_t place, int64_t column, int64_t count) {
          std::memcpy(rows_ + out.row[m] + column, residual_ + place, static_cast<size_t>(count) * sizeof(float));
        });
      }
    }
    kernels_.strassen_output(out);
    for (size_t m = 0; m < out.rows; ++m) {
      const float* const from = rows_ + out.row[m];
      if (activation_ != nullptr) activate(rows_ + out.row[m], out.columns);
      each_piece(panel, row + static_cast<int64_t>(m), g.output_pitch, [&](int64_t place, int64_t column, int64_t count) {
        std::memcpy(output_ + place, from + column, static_cast<size_t>(count) * sizeof(float));
      });
    }
  }

  // f(place in the tensor, column of the panel, columns) for the columns of each output pixel that exists.
  template <typename Function>
  void each_piece(const Panel& panel, int64_t row, const Pitch& pitch, const Function& f) const {
    const Pixel p = pixel_of(row);
    const auto output = [&](int a, int64_t input, int64_t tap) {
      return layer_.axis(a).stride * input + tap - layer_.axis(a).pad_begin;
    };
    const int64_t z = output(0, p.z, panel.z);
    const int64_t y = output(1, p.y, panel.y);
    if (z < 0 || z >= layer_.output(0) || y < 0 || y >= layer_.output(1)) return;
    const int64_t channels = layer_.out_per_group;
    for (int64_t c = 0; c < panel.columns;) {
      const int64_t column = panel.first_column + c;
      const int64_t channel = column % channels;
      const int64_t count = std::min(channels - channel, panel.columns - c);
      const int64_t x = output(2, p.x, column / channels);
      if (x >= 0 && x < layer_.output(2)) f(z * pitch.plane + y * pitch.row + x * pitch.pixel + channel, c, count);
      c += count;
    }
  }

  void bias_pixels(float* to, const float* residual, int64_t count) const {
    const Geometry& g = layer_.geometry;
    const int64_t lanes = static_cast<int64_t>(kernels_.lanes);
    arch::GemmStrip strip{};
    strip.rows = static_cast<size_t>(count);
    strip.c_stride = neighbour_distance(count, 1, g.output_pitch.pixel);
    strip.residual_stride = neighbour_distance(count, 1, g.residual_pitch.pixel);
    strip.epilogue = epilogue_;
    for (int64_t c = 0; c < layer_.out_per_group; c += lanes) {
      strip.c = to + c;
      strip.columns = static_cast<size_t>(std::min(lanes, layer_.out_per_group - c));
      strip.bias = plan_.pixel_bias.data() + c;
      if (plan_.pixel_slopes.size() != 0) strip.slopes = plan_.pixel_slopes.data() + c;
      if (residual != nullptr) strip.residual = residual + c;
      kernels_.gemm[0](strip);
    }
    if (activation_ == nullptr) return;
    for (int64_t i = 0; i < count; ++i) activate(to + i * g.output_pitch.pixel, static_cast<size_t>(layer_.out_per_group));
  }

  const Layer& layer_;
  const arch::KernelTable& kernels_;
  const Plan& plan_;
  const RunArguments& arguments_;
  const arch::Epilogue epilogue_;
  const arch::ActivationFunction activation_;

  float* factors_;
  float* tiles_;
  float* pixel_;
  float* rows_;
  ptrdiff_t* offset_[4];  // output: upper, lower rows; residual: the same

  // Of the block at hand.
  int64_t begin_ = 0;  // its first row
  int64_t upper_ = 0;  // rows
  int64_t lower_ = 0;
  bool streams_ = false;
  const float* input_ = nullptr;  // where it is multiplied in place
  float* output_ = nullptr;
  const float* residual_ = nullptr;
};

}  // namespace

Workspace workspace(const Layer& layer, const Plan& plan) {
  const auto aligned = [](int64_t floats) { return (floats + 15) / 16 * 16; };
  Workspace w{};
  w.factors = aligned(products * plan.half_rows * plan.pitch);
  w.products = aligned(3 * plan.half_rows * plan.width);
  w.pixel = aligned(2 * layer.in_per_group);
  w.rows = plan.direct ? 0 : aligned(plan.half_rows * plan.width);
  w.offsets = aligned(4 * plan.half_rows * static_cast<int64_t>(sizeof(ptrdiff_t) / sizeof(float)));
  return w;
}

size_t workspace_bytes(const Layer& layer, const arch::KernelTable&, const Plan& plan) { return workspace(layer, plan).bytes(); }

void run(const Layer& layer, const arch::KernelTable& kernels, const Plan& plan, const RunArguments& arguments) {
  // Enough tasks to keep the threads busy to the end; blocks do not depend on that, so neither do results.
  const Parallelism& parallelism = arguments.parallelism;
  const int64_t wanted = parallelism.threads > 1 ? 4 * static_cast<int64_t>(parallelism.threads) : 1;
  const int64_t blocks = plan.blocks();
  const int64_t all_blocks = layer.description.batch * blocks;
  const int64_t parts = std::clamp<int64_t>(ceil_div(wanted, all_blocks), 1, plan.pairs());
  const int64_t uncovered = plan.uncovered ? layer.description.batch * layer.output(0) : 0;
  run_tasks(parallelism, all_blocks * parts + uncovered, [&](int64_t index, size_t slot) {
    Task task(layer, kernels, plan, arguments, slot);
    const int64_t block = index / parts;
    const int64_t part = index % parts;
    if (block < all_blocks) {
      task.block(block / blocks, block % blocks, plan.pairs() * part / parts, plan.pairs() * (part + 1) / parts);
    } else {
      const int64_t plane = index - all_blocks * parts;
      task.uncovered(plane / layer.output(0), plane % layer.output(0));
    }
    if (plan.streams) fence_streamed_stores();
  });
}

}  // namespace tconv::strassen
