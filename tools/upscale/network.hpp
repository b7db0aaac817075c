// A super-resolution network from an ONNX file, run in tiles: it enlarges one channel (luma), the colours follow by bicubic
// interpolation and alpha by Lanczos, as the eye sees detail in luma alone.
//
// Tiles: an output pixel depends on inputs at most `margin` pixels away, a number worked out from the network's layers. Each tile
// is computed with that margin around it, taken from the picture or, beyond its border, by repeating the border pixels; the
// margin's share of the result is thrown away. All tiles have one size (the last of a row or column is moved back), so weights are
// packed once, and algorithms are chosen for a fixed size: the result is the same to the last bit for every tile size and thread
// count, unless the settings let Winograd in, whose sums depend on where a pixel lies in the tile.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/graph/compile.hpp"
#include "tools/io/png.hpp"
#include "tools/support/parallel_for.hpp"

namespace tools::upscale {

// Direct algorithms alone.
inline tconv::Options exact_options() {
  tconv::Options options;
  options.winograd.accuracy = tconv::WinogradAccuracy::off;
  return options;
}

struct NetworkSettings {
  int scale = 2;
  int64_t tile = 128;  // at most so many input pixels along each side; at least 1
  tconv::Options options = exact_options();
  int64_t memory_limit = int64_t{1} << 30;  // bytes
};

// A network that this program brings along ("fsrcnn", "fsrcnn-small"), or a path to an .onnx file. Throws Error(bad_input), naming
// the scales that a built-in network has when `scale` is not among them.
onnx::Model load_network(const std::string& name, int scale);
// "fsrcnn (scale 2), fsrcnn-small (scale 2)".
std::string built_in_networks();

// How far the result depends on the input: input pixels to the left of, and right of, the pixel that an output pixel lies in.
struct Reach {
  int64_t before = 0;
  int64_t after = 0;
};

class NetworkUpscaler {
 public:
  // `name` is for messages. Throws Error(bad_input) for a network that does not enlarge one channel by the scale wanted, and for a
  // picture that needs more memory than the limit.
  NetworkUpscaler(const std::string& name, const onnx::Model& model, const Picture& picture, const NetworkSettings& settings);

  // Calls `row(samples)` for every output row in order, and `progress(tiles)` after each tile.
  void run(ThreadPool* pool, const std::function<void(const uint16_t* samples)>& row, const std::function<void(int64_t)>& progress);

  int64_t width() const { return picture_.width * settings_.scale; }
  int64_t height() const { return picture_.height * settings_.scale; }
  int64_t tiles() const;
  int64_t tile_rows() const { return tile_rows_; }
  int64_t tile_columns() const { return tile_columns_; }
  int64_t margin() const { return margin_; }
  // Picture, tiles and rows in the making, by the formula that the limit is compared with.
  int64_t memory_bytes() const { return memory_bytes_; }
  const graph::Program& program() const { return program_; }

 private:
  struct Band;
  void check_interface(const onnx::Model& model) const;
  void decode(int64_t first, Band* band) const;
  void enlarge_luma(int64_t column, ThreadPool* pool, Band* band);
  void merge(const Band& band, int64_t from, const std::function<void(const uint16_t* samples)>& row) const;

  std::string name_;
  const Picture& picture_;
  NetworkSettings settings_;
  int64_t margin_ = 0;
  int64_t tile_rows_ = 0;
  int64_t tile_columns_ = 0;
  int64_t memory_bytes_ = 0;
  graph::Program program_;
};

// The reach of a compiled network whose output is `scale` times its input along both axes.
Reach reach_of(const graph::Program& program, size_t input, int scale);

}  // namespace tools::upscale
