#!/bin/bash
# ./dev bench-baseline [TARGET...]: counts the suite's instructions anew and rewrites bench/baselines/COMPILER-TARGET.json, for the compiler
# that CMake finds (CXX=clang++ for another) and for avx2, sse4 and scalar, as far as this machine runs them: valgrind knows no
# AVX-512. Look at the diff before committing it: it says what became cheaper and what dearer.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
need_packages
command -v valgrind >/dev/null || die "valgrind is missing"
folder=$root/build/bench-baseline
build "$root" "$folder" tconv_count -DTCONV_BENCH_PEERS=OFF || die "the build failed ($folder/build.log)"
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || targets=(avx2 sse4 scalar)
status=0 pids=()
for target in "${targets[@]}"; do
  python3 "$root/bench/counts.py" refresh "$folder/bench/tconv_count" --target "$target" &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || status=1; done
git -C "$root" --no-pager diff --stat -- bench/baselines || true
exit "$status"
