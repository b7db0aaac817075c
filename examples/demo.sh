#!/bin/bash
# The main job, shown: ./dev demo calls this after the build. Usage: examples/demo.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tconv=$1/tools/tconv
zero_insertion=$1/examples/zero_insertion/tconv_zero_insertion
picture=examples/scene/scene.png
cases=/usr/share/libonnx-testdata/data
model=$cases/pytorch-converted/test_ConvTranspose2d
out=out/demo
mkdir -p "$out"

heading() { printf '\n%s\n' "$*"; }
show() {
  printf '$ %s\n' "$*"
  "$@"
}

heading "1. This machine"
show "$tconv" info

heading "2. A picture, three times as large in each direction, by Lanczos resampling: one depthwise transposed convolution"
show "$tconv" upscale "$picture" "$out/scene_x3_lanczos3.png" --scale 3 --filter lanczos3
show "$tconv" upscale "$picture" "$out/scene_x3_bilinear.png" --scale 3 --filter bilinear

heading "3. An ONNX model: one ConvTranspose as PyTorch exports it; then all of ONNX's own cases against their expected results"
show "$tconv" run "$model/model.onnx" -i "$model/test_data_set_0/input_0.pb" -o "$out/convtranspose2d.npy" --repeat 20 --verbose
show "$tconv" check "$cases"/*/*[cC]onv[tT]ranspose* | tail -n 1

heading "4. The same layers by zero insertion, on the same kernels, in this run: in and out channels, groups, size, kernel, stride, pad"
# The picture's layer (RGB, 17 x 17 taps), and one of a decoder.
show "$zero_insertion" 3 3 3 200 300 17 3 7
show "$zero_insertion" 256 128 1 16 16 4 2 1

heading "5. A network trained by this project, run from its ONNX file: convolutions and a 9 x 9 transposed convolution, stride 2"
mkdir -p "$out/upscaler"
examples/upscaler/demo.sh "$1" "$out/upscaler"

heading "To look at:"
printf '  %s\n' "$picture" "$out"/upscaler/side_by_side.png "$out"/*.png "$out"/*.npy
