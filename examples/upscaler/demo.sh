#!/bin/bash
# The trained network at work, part of ./dev demo: a picture made half as large and enlarged again in four ways, the enlargements
# beside each other and the original, and the network's time here and in onnxruntime. Usage: demo.sh BUILD_FOLDER OUT_FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$1
out=$2
tconv=$build/tools/tconv
compare=$build/examples/upscaler/tconv_side_by_side
model=$here/fsrcnn_x2.onnx

show() {
  printf '$ %s\n' "$*"
  "$@"
}

# 480 x 320 becomes 960 x 640.
"$build/examples/scene/tconv_scene" "$out/original.png" 960
show "$compare" shrink "$out/original.png" "$out/small.png" 2
for filter in bicubic lanczos3; do
  "$tconv" upscale "$out/small.png" "$out/x2_$filter.png" --filter "$filter" >"$out/x2.log" || { cat "$out/x2.log"; exit 1; }
done
rm -f "$out/x2.log"
show "$tconv" upscale "$out/small.png" "$out/x2_network_small.png" --model fsrcnn-small
show "$tconv" upscale "$out/small.png" "$out/x2_network.png" --model fsrcnn
"$compare" compare "$out/side_by_side.png" 70,290,110,72,176,408,110,96 "$out/original.png" "$out/small.png" bicubic="$out/x2_bicubic.png" \
  lanczos3="$out/x2_lanczos3.png" "small network=$out/x2_network_small.png" network="$out/x2_network.png"

venv=${TCONV_BENCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/tconv/bench-venv}
if "$venv/bin/python" -c 'import numpy, onnxruntime' 2>/dev/null; then
  printf '\nThe same network, 480 x 270 to 960 x 540, one thread, in turns with onnxruntime:\n'
  show "$venv/bin/python" "$here/against_onnxruntime.py" "$tconv" "$model" "$out"
else
  printf '\n(onnxruntime is not here: ./dev bench makes its virtual environment.)\n'
fi
