#include "tools/upscale/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "tools/support/error.hpp"
#include "tools/support/text.hpp"
#include "tools/upscale/filter.hpp"
#include "tools/upscale/transfer.hpp"
#include "tools/upscale/upscaler.hpp"

namespace tools::upscale {
namespace {

constexpr float red_weight = 0.299f;  // ITU-R BT.601: luma = 0.299 R + 0.587 G + 0.114 B
constexpr float green_weight = 0.587f;
constexpr float blue_weight = 0.114f;
constexpr int64_t plan_size = 128;  // any fixed number: the algorithms must not depend on the tile

[[noreturn]] void refuse(const std::string& message) { throw Error(ExitCode::bad_input, message); }

// The channels beside luma: enlarged by a classical filter, whole rows at a time.
class FilteredPlanes {
 public:
  FilteredPlanes(Filter filter, int channels, int scale, int64_t rows, int64_t columns, tconv::Target target)
      : channels_(channels), radius_(filter_radius(filter)), columns_(columns) {
    Settings settings;
    settings.filter = filter;
    settings.scale = scale;
    tconv::Options options = exact_options();
    options.target = target;
    const auto require_ok = [](const tconv::Status& status) {
      if (!status.ok()) refuse(fmt::format("the upscaling filter: {}", status.message()));
    };
    const std::vector<float> taps = weights(settings, channels);
    tconv::Result<tconv::ConvTranspose> op =
        tconv::ConvTranspose::create(layer(settings, channels, plan_size, plan_size), taps.data(), nullptr, options);
    require_ok(op.status());
    op_ = std::move(*op);
    require_ok(op_.reshape(layer(settings, channels, rows + 2 * radius_, columns + 2 * radius_)));
    input_.resize(static_cast<size_t>((rows + 2 * radius_) * (columns + 2 * radius_) * channels));
    output_.resize(static_cast<size_t>(op_.geometry().output_elements));
  }

  int radius() const { return radius_; }
  // Row `y` of the band, from -radius on: `channels` values a pixel.
  float* row(int64_t y) { return input_.data() + ((y + radius_) * (columns_ + 2 * radius_) + radius_) * channels_; }
  void repeat_sides(int64_t y) {
    float* const inner = row(y);
    for (int64_t x = 1; x <= radius_; ++x) {
      std::copy_n(inner, channels_, inner - x * channels_);
      std::copy_n(inner + (columns_ - 1) * channels_, channels_, inner + (columns_ - 1 + x) * channels_);
    }
  }
  void run(ThreadPool* pool) {
    const tconv::Parallelism parallelism = pool->parallelism();
    const size_t bytes = op_.workspace_bytes(parallelism.threads);
    constexpr size_t alignment = tconv::ConvTranspose::workspace_alignment;
    workspace_.resize(bytes + alignment);
    std::byte* const aligned =
        workspace_.data() + (alignment - reinterpret_cast<uintptr_t>(workspace_.data()) % alignment) % alignment;
    const tconv::Status status = op_.run(input_.data(), output_.data(), bytes > 0 ? aligned : nullptr, bytes, parallelism);
    if (!status.ok()) refuse(fmt::format("the upscaling filter: {}", status.message()));
  }
  const float* output_row(int64_t y) const {
    return output_.data() + y * op_.geometry().output_elements / op_.geometry().output[1];
  }

 private:
  int channels_;
  int radius_;
  int64_t columns_;
  tconv::ConvTranspose op_;
  std::vector<float> input_;
  std::vector<float> output_;
  std::vector<std::byte> workspace_;
};

}  // namespace

Reach reach_of(const graph::Program& program, size_t input, int scale) {
  Reach reach;
  for (int axis = 0; axis < 2; ++axis) {
    std::vector<std::optional<graph::Interval>> wanted(std::max(input, program.output_index(0)) + 1);
    const auto want = [&](size_t value, graph::Interval cells) {
      if (value >= wanted.size()) wanted.resize(value + 1);
      std::optional<graph::Interval>& known = wanted[value];
      known = known ? graph::Interval{std::min(known->first, cells.first), std::max(known->last, cells.last)} : cells;
    };
    want(program.output_index(0), {0, scale - 1});
    for (auto step = program.steps().rbegin(); step != program.steps().rend(); ++step) {
      if ((*step)->output() >= wanted.size() || !wanted[(*step)->output()]) continue;
      const graph::Interval cells = (*step)->sources(axis, *wanted[(*step)->output()]);
      for (size_t value : (*step)->inputs()) want(value, cells);
    }
    if (!wanted[input]) continue;
    reach.before = std::max(reach.before, -wanted[input]->first);
    reach.after = std::max(reach.after, wanted[input]->last);
  }
  return reach;
}

// A row of tiles: what goes in and what comes out.
struct NetworkUpscaler::Band {
  Band(const Picture& picture, const NetworkSettings& settings, int64_t rows, int64_t margin)
      : transfer(picture, false),
        luma(static_cast<size_t>((rows + 2 * margin) * picture.width)),
        enlarged(static_cast<size_t>(rows * picture.width * settings.scale * settings.scale)) {
    const auto add = [&](Filter filter, int channels) {
      return std::make_unique<FilteredPlanes>(filter, channels, settings.scale, rows, picture.width, settings.options.target);
    };
    if (picture.channels >= 3) chroma = add(Filter::bicubic, 2);
    if (picture.has_alpha()) alpha = add(Filter::lanczos3, 1);
  }

  Transfer transfer;
  std::vector<float> luma;      // [rows + 2 margin, width]
  std::vector<float> enlarged;  // [scale rows, scale width]
  std::unique_ptr<FilteredPlanes> chroma;
  std::unique_ptr<FilteredPlanes> alpha;
};

NetworkUpscaler::NetworkUpscaler(const std::string& name, const onnx::Model& model, const Picture& picture,
                                 const NetworkSettings& settings)
    : name_(name), picture_(picture), settings_(settings) {
  constexpr int64_t largest = 0x7fffffff;  // of a PNG
  if (picture.width > largest / settings.scale || picture.height > largest / settings.scale) {
    refuse(fmt::format("{} x {} pixels times {}: larger than a PNG can be", picture.width, picture.height, settings.scale));
  }
  check_interface(model);
  const std::string& input = std::find_if(model.inputs.begin(), model.inputs.end(), [&](const onnx::ValueInfo& info) {
                               return model.initializers.count(info.name) == 0;
                             })->name;
  const auto compile = [&](int64_t rows, int64_t columns, int64_t memory_limit) {
    graph::CompileOptions options;
    options.operator_options = settings.options;
    options.plan_size = plan_size;
    options.memory_limit = memory_limit;
    std::map<std::string, Tensor> inputs;
    inputs[input] = {{1, 1, rows, columns}, std::vector<float>(static_cast<size_t>(rows * columns)), {}};
    try {
      return graph::compile(model, std::move(inputs), options);
    } catch (const Error& e) {
      throw Error(e.code(), fmt::format("{}: {}", name_, e.what()));
    }
  };

  constexpr int64_t probe = 16;
  const graph::Program small = compile(probe, probe, settings.memory_limit);
  const std::vector<int64_t>& made = small.output(0).tensor.shape;
  if (made != std::vector<int64_t>{1, 1, probe * settings.scale, probe * settings.scale}) {
    refuse(fmt::format("{}: makes {} of 1x1x16x16: does not enlarge by {}, the scale wanted", name_, format_shape(made),
                       settings.scale));
  }
  const Reach reach = reach_of(small, *small.find(input), settings.scale);
  margin_ = std::max<int64_t>({reach.before, reach.after, 0});
  // As few tiles as the size allows, and of about equal size, so that little is computed twice.
  const auto share = [&](int64_t size) {
    const int64_t pieces = (size + settings.tile - 1) / settings.tile;
    return (size + pieces - 1) / pieces;
  };
  tile_rows_ = share(picture.height);
  tile_columns_ = share(picture.width);

  // In double precision, for the products may not fit in 63 bits. The formula counts what grows with the picture or the tile.
  const double scale = settings.scale;
  const double rows = static_cast<double>(tile_rows_);
  const double width = static_cast<double>(picture.width);
  const int planes = (picture.channels >= 3 ? 3 : 1) + (picture.has_alpha() ? 1 : 0);
  const double samples = static_cast<double>(picture.height) * width * picture.channels * sizeof(uint16_t);
  const double band = (rows * scale * scale + rows + 2 * static_cast<double>(margin_)) * width * planes * sizeof(float);
  const double tile = static_cast<double>((tile_rows_ + 2 * margin_) * (tile_columns_ + 2 * margin_)) * sizeof(float);
  const double remaining = static_cast<double>(settings.memory_limit) - samples - band - tile;
  if (remaining <= 0) {
    refuse(
        fmt::format("{} x {} pixels take {:.0f} MiB, {:.0f} of them for rows of {} x {} tiles: more than the memory limit of {} "
                    "(--memory-limit, --tile)",
                    picture.width, picture.height, (samples + band + tile) / 0x1p20, band / 0x1p20, tile_columns_, tile_rows_,
                    format_bytes(settings.memory_limit)));
  }
  program_ = compile(tile_rows_ + 2 * margin_, tile_columns_ + 2 * margin_, static_cast<int64_t>(remaining));
  memory_bytes_ = static_cast<int64_t>(samples + band + tile) + program_.computed_bytes();
}

void NetworkUpscaler::check_interface(const onnx::Model& model) const {
  const onnx::ValueInfo* input = nullptr;
  int inputs = 0;
  for (const onnx::ValueInfo& info : model.inputs) {
    if (model.initializers.count(info.name) > 0) continue;
    input = &info;
    ++inputs;
  }
  if (inputs != 1) refuse(fmt::format("{}: has {} inputs: a network that enlarges pictures has one, the luma", name_, inputs));
  if (model.outputs.size() != 1) refuse(fmt::format("{}: has {} outputs: must have one", name_, model.outputs.size()));
  if (!input->has_shape) return;
  if (input->shape.size() != 4) {
    refuse(fmt::format("{}: input '{}' has {} dimensions: must have 4 (picture, channel, row, column)", name_, input->name,
                       input->shape.size()));
  }
  if (input->shape[1] > 1) {
    refuse(fmt::format("{}: input '{}' has {} channels: must have 1, the luma", name_, input->name, input->shape[1]));
  }
}

int64_t NetworkUpscaler::tiles() const {
  return ((picture_.height + tile_rows_ - 1) / tile_rows_) * ((picture_.width + tile_columns_ - 1) / tile_columns_);
}

void NetworkUpscaler::decode(int64_t first, Band* band) const {
  const int colours = picture_.channels >= 3 ? 3 : 1;
  std::vector<float> values(static_cast<size_t>(picture_.width * picture_.channels));
  const int64_t chroma_radius = band->chroma ? band->chroma->radius() : -1;
  const int64_t alpha_radius = band->alpha ? band->alpha->radius() : -1;
  const int64_t above = std::max({margin_, chroma_radius, alpha_radius});
  for (int64_t y = -above; y < tile_rows_ + above; ++y) {
    const int64_t source = std::clamp<int64_t>(first + y, 0, picture_.height - 1);
    band->transfer.decode(picture_.samples.data() + source * picture_.width * picture_.channels, values.data(), picture_.width);
    const auto within = [&](int64_t radius) { return y >= -radius && y < tile_rows_ + radius; };
    if (within(margin_)) {
      float* const luma = band->luma.data() + (y + margin_) * picture_.width;
      const float* v = values.data();
      for (int64_t x = 0; x < picture_.width; ++x, v += picture_.channels) {
        luma[x] = colours == 3 ? red_weight * v[0] + green_weight * v[1] + blue_weight * v[2] : v[0];
      }
    }
    if (band->chroma && within(chroma_radius)) {
      float* to = band->chroma->row(y);
      const float* v = values.data();
      for (int64_t x = 0; x < picture_.width; ++x, v += picture_.channels, to += 2) {
        const float luma = red_weight * v[0] + green_weight * v[1] + blue_weight * v[2];
        to[0] = v[2] - luma;
        to[1] = v[0] - luma;
      }
      band->chroma->repeat_sides(y);
    }
    if (band->alpha && within(alpha_radius)) {
      float* const to = band->alpha->row(y);
      for (int64_t x = 0; x < picture_.width; ++x) to[x] = values[static_cast<size_t>(x * picture_.channels + colours)];
      band->alpha->repeat_sides(y);
    }
  }
}

void NetworkUpscaler::enlarge_luma(int64_t column, ThreadPool* pool, Band* band) {
  const int64_t padded = tile_columns_ + 2 * margin_;
  std::vector<float>& input = program_.input_data(0);
  for (int64_t y = 0; y < tile_rows_ + 2 * margin_; ++y) {
    const float* const from = band->luma.data() + y * picture_.width;
    float* const to = input.data() + y * padded;
    for (int64_t x = 0; x < padded; ++x) to[x] = from[std::clamp<int64_t>(column + x - margin_, 0, picture_.width - 1)];
  }
  program_.run(*pool);
  const int64_t s = settings_.scale;
  const float* const result = program_.output(0).tensor.data.data();
  for (int64_t y = 0; y < s * tile_rows_; ++y) {
    std::copy_n(result + (s * margin_ + y) * s * padded + s * margin_, s * tile_columns_,
                band->enlarged.data() + y * width() + s * column);
  }
}

void NetworkUpscaler::merge(const Band& band, int64_t from, const std::function<void(const uint16_t* samples)>& row) const {
  std::vector<float> values(static_cast<size_t>(width() * picture_.channels));
  std::vector<uint16_t> samples(values.size());
  for (int64_t y = from; y < settings_.scale * tile_rows_; ++y) {
    const float* const luma = band.enlarged.data() + y * width();
    const float* const chroma = band.chroma ? band.chroma->output_row(y) : nullptr;
    const float* const alpha = band.alpha ? band.alpha->output_row(y) : nullptr;
    float* v = values.data();
    for (int64_t x = 0; x < width(); ++x) {
      if (chroma == nullptr) {
        *v++ = luma[x];
      } else {
        const float blue = luma[x] + chroma[2 * x];
        const float red = luma[x] + chroma[2 * x + 1];
        *v++ = red;
        *v++ = (luma[x] - red_weight * red - blue_weight * blue) / green_weight;
        *v++ = blue;
      }
      if (alpha != nullptr) *v++ = alpha[x];
    }
    band.transfer.encode(values.data(), samples.data(), width());
    row(samples.data());
  }
}

void NetworkUpscaler::run(ThreadPool* pool, const std::function<void(const uint16_t* samples)>& row,
                          const std::function<void(int64_t)>& progress) {
  Band band(picture_, settings_, tile_rows_, margin_);
  for (int64_t done = 0; done < picture_.height; done += tile_rows_) {
    const int64_t first = std::min(done, picture_.height - tile_rows_);
    decode(first, &band);
    for (int64_t column = 0; column < picture_.width; column += tile_columns_) {
      enlarge_luma(std::min(column, picture_.width - tile_columns_), pool, &band);
      progress(1);
    }
    if (band.chroma) band.chroma->run(pool);
    if (band.alpha) band.alpha->run(pool);
    merge(band, settings_.scale * (done - first), row);
  }
}

}  // namespace tools::upscale
