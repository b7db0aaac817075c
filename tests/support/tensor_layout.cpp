#include "support/tensor_layout.hpp"

namespace tconv_test {

TensorLayout tensor_layout(tconv::Layout layout, int64_t batch, int64_t channels, const int64_t size[3], const Gaps& gaps) {
  TensorLayout t{};
  t.dense = gaps.none();
  const int64_t count[5] = {batch, channels, size[0], size[1], size[2]};
  t.span = 1;
  for (int i = 0; i < 5; ++i) t.count[i] = count[i];
  int64_t& of_batch = t.distance[0];
  int64_t& of_channel = t.distance[1];
  int64_t& of_plane = t.distance[2];
  int64_t& of_row = t.distance[3];
  int64_t& of_pixel = t.distance[4];
  if (layout == tconv::Layout::nhwc) {
    of_channel = 1;
    of_pixel = channels + gaps.pixel;
    of_row = size[2] * of_pixel + gaps.row;
    of_plane = size[1] * of_row + gaps.plane;
    of_batch = size[0] * of_plane + gaps.batch;
  } else {
    of_pixel = 1;
    of_row = size[2] + gaps.row;
    of_plane = size[1] * of_row + gaps.plane;
    of_channel = size[0] * of_plane + gaps.channel;
    of_batch = channels * of_channel + gaps.batch;
  }
  for (int i = 0; i < 5; ++i) t.span += (count[i] - 1) * t.distance[i];
  return t;
}

tconv::Pitch TensorLayout::pitch() const {
  if (dense) return {};
  tconv::Pitch p;
  p.batch = distance[0];
  p.channel = distance[1];
  p.plane = distance[2];
  p.row = distance[3];
  p.pixel = distance[4];
  return p;
}

}  // namespace tconv_test
