#!/bin/bash
# Trains the upscaler: ./dev train-upscaler calls this with its arguments, which are those of train.py (--help lists them).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
python=${TCONV_PYTHON:-/usr/bin/python3} # Debian's, which has Debian's modules; another one may come first in PATH
"$python" -c 'import numpy, PIL, torch' || {
  echo "train.sh: $python lacks modules; Debian has them in python3-torch, python3-numpy and python3-pil" >&2
  exit 1
}
# Keep freed memory: a step of training allocates and frees the same large blocks, and giving them back to the kernel each time
# costs a third of the time.
export GLIBC_TUNABLES=glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=2147483648:glibc.malloc.top_pad=67108864
exec "$python" -B examples/upscaler/train.py "$@"
