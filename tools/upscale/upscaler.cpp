#include "tools/upscale/upscaler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "tools/support/error.hpp"
#include "tools/upscale/transfer.hpp"

namespace tools::upscale {
namespace {

void require_ok(const tconv::Status& status) {
  if (!status.ok()) throw Error(ExitCode::bad_input, fmt::format("the upscaling layer: {}", status.message()));
}

}  // namespace

tconv::Description layer(const Settings& settings, int channels, int64_t rows, int64_t columns) {
  const AxisFilter filter = axis_filter(settings.filter, settings.scale);
  tconv::Description d;
  d.rank = 2;
  d.in_channels = d.out_channels = d.groups = channels;
  d.layout = tconv::Layout::nhwc;
  const int64_t sizes[] = {rows, columns};
  for (int a = 0; a < 2; ++a) {
    d.axis[a].input = sizes[a];
    d.axis[a].kernel = static_cast<int64_t>(filter.taps.size());
    d.axis[a].stride = settings.scale;
    d.axis[a].pad_begin = d.axis[a].pad_end = filter.pad + settings.scale * filter_radius(settings.filter);
  }
  return d;
}

std::vector<float> weights(const Settings& settings, int channels) {
  const std::vector<double> taps = axis_filter(settings.filter, settings.scale).taps;
  std::vector<float> result;
  for (int c = 0; c < channels; ++c) {
    for (double y : taps) {
      for (double x : taps) result.push_back(static_cast<float>(y * x));
    }
  }
  return result;
}

Upscaler::Upscaler(const Picture& picture, const Settings& settings)
    : picture_(picture), settings_(settings), radius_(filter_radius(settings.filter)) {
  constexpr int64_t largest = 0x7fffffff;  // of a PNG
  if (picture.width > largest / settings.scale || picture.height > largest / settings.scale) {
    throw Error(ExitCode::bad_input,
                fmt::format("{} x {} pixels times {}: larger than a PNG can be", picture.width, picture.height, settings.scale));
  }
  strip_ = std::clamp<int64_t>(settings.strip_rows, 1, picture.height);
  const std::vector<float> taps = weights(settings, picture.channels);
  // Planned for one size whatever the picture's, so that the order of the sums, and with it the last bit of a sample, depends
  // neither on the strips nor on the width.
  constexpr int64_t planned_rows = 64;
  constexpr int64_t planned_columns = 512;
  tconv::Result<tconv::ConvTranspose> op = tconv::ConvTranspose::create(
      layer(settings, picture.channels, planned_rows, planned_columns), taps.data(), nullptr, settings.options);
  require_ok(op.status());
  op_ = std::move(*op);
  require_ok(op_.reshape(layer(settings, picture.channels, strip_ + 2 * radius_, picture.width + 2 * radius_)));
}

void Upscaler::run(ThreadPool* pool, const std::function<void(const uint16_t* samples)>& row,
                   const std::function<void(int64_t)>& progress) const {
  const auto channels = static_cast<size_t>(picture_.channels);
  const auto in_width = static_cast<size_t>(picture_.width);
  const size_t padded = in_width + 2 * static_cast<size_t>(radius_);
  const size_t out_row = static_cast<size_t>(width()) * channels;
  const Transfer transfer(picture_, settings_.linear_light);
  std::vector<float> input(static_cast<size_t>(strip_ + 2 * radius_) * padded * channels);
  std::vector<float> output(static_cast<size_t>(strip_ * settings_.scale) * out_row);
  std::vector<uint16_t> encoded(output.size());
  const tconv::Parallelism parallelism = pool->parallelism();
  const size_t bytes = op_.workspace_bytes(parallelism.threads);
  constexpr size_t alignment = tconv::ConvTranspose::workspace_alignment;
  std::vector<std::byte> memory(bytes + alignment);
  std::byte* const workspace = memory.data() + (alignment - reinterpret_cast<uintptr_t>(memory.data()) % alignment) % alignment;

  // The last strip is moved up so that all have one size; rows that were written before are skipped then.
  for (int64_t done = 0; done < picture_.height;) {
    const int64_t first = std::min(done, picture_.height - strip_);
    for (int64_t y = 0; y < strip_ + 2 * radius_; ++y) {
      const int64_t source = std::clamp<int64_t>(first + y - radius_, 0, picture_.height - 1);
      float* const line = input.data() + static_cast<size_t>(y) * padded * channels;
      float* const inner = line + static_cast<size_t>(radius_) * channels;
      transfer.decode(picture_.samples.data() + static_cast<size_t>(source) * in_width * channels, inner, picture_.width);
      for (size_t x = 0; x < static_cast<size_t>(radius_); ++x) {
        std::memcpy(line + x * channels, inner, channels * sizeof(float));
        std::memcpy(inner + (in_width + x) * channels, inner + (in_width - 1) * channels, channels * sizeof(float));
      }
    }
    require_ok(op_.run(input.data(), output.data(), bytes > 0 ? workspace : nullptr, bytes, parallelism));
    transfer.encode(output.data(), encoded.data(), static_cast<int64_t>(output.size() / channels));
    for (int64_t y = (done - first) * settings_.scale; y < strip_ * settings_.scale; ++y) {
      row(encoded.data() + static_cast<size_t>(y) * out_row);
    }
    progress(first + strip_ - done);
    done = first + strip_;
  }
}

}  // namespace tools::upscale
