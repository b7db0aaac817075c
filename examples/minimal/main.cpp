#include <cstdio>
#include <vector>

#include "tconv/conv_transpose.hpp"

struct alignas(tconv::ConvTranspose::workspace_alignment) Block {
  std::byte bytes[64];
};

int main() {
  tconv::Description layer;  // one 2 x 2 image of one channel in, 4 x 4 out: twice as large, by linear interpolation
  for (int a : {0, 1}) layer.axis[a] = {/*input*/ 2, /*kernel*/ 4, /*stride*/ 2, /*dilation*/ 1, /*pads*/ 1, 1};
  const std::vector<float> w = {1, 3, 3, 1, 3, 9, 9, 3, 3, 9, 9, 3, 1, 3, 3, 1}, x = {1, 2, 3, 4};
  std::vector<float> y(16);
  auto op = tconv::ConvTranspose::create(layer, w.data());
  if (!op.ok()) return std::puts(op.status().message()), 1;
  std::vector<Block> workspace(op->workspace_bytes() / sizeof(Block) + 1);
  tconv::Status status = op->run(x.data(), y.data(), workspace.data(), workspace.size() * sizeof(Block));
  if (!status.ok()) return std::puts(status.message()), 1;
  for (int i = 0; i < 16; i += 4) std::printf("%3.0f %3.0f %3.0f %3.0f\n", y[i], y[i + 1], y[i + 2], y[i + 3]);
}
