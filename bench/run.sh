#!/bin/bash
# ./dev bench [OPTION...]: the whole suite and all peers on one core.
#   --quick           tier 2 only
#   --layers FILE     another suite (CSV, the columns of bench/layers.csv)
#   --filter REGEX    only layers whose name matches
#   --threads N       N threads for everybody (default 1)
#   --target T        avx512, avx2, sse4, scalar, neon: ours and, as far as possible, the peers' (default: the best)
#   --no-wheels       without the peers that come as Python wheels
#   --cpu N           the core to run on (default: the last one)
#   --out DIR         where the results go (default: out)
# Writes DIR/bench.json (Google Benchmark), DIR/wheels.json, DIR/summary.json, DIR/bench.html; prints the table.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

suite=() wheels=1 threads=1 target=auto cpu='' out=$root/out
while [[ $# -gt 0 ]]; do
  case $1 in
    --quick) suite+=(--tier 2) ;;
    --layers | --filter | --threads | --target | --cpu | --out)
      [[ $# -ge 2 ]] || die "$1: a value is missing"
      case $1 in
        --layers) suite+=(--layers "$(realpath -- "$2")") ;;
        --filter) suite+=(--layer-filter "$2") ;;
        --threads) threads=$2 ;;
        --target) target=$2 ;;
        --cpu) cpu=$2 ;;
        --out) out=$2 ;;
      esac
      shift ;;
    --no-wheels) wheels= ;;
    -h | --help) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) die "unknown argument \"$1\" (--help lists them)" ;;
  esac
  shift
done
[[ $threads =~ ^[1-9][0-9]*$ ]] || die "--threads = \"$threads\": must be a whole number above 0"

need_packages
venv=
if venv=$("$root/bench/peers/venv.sh"); then :; else say "no virtual environment: wheel peers are left out"; wheels=; fi
onednn=()
[[ -n $venv && -f $venv/include/dnnl.hpp ]] && onednn=(-DTCONV_BENCH_ONEDNN_ROOT="$venv")
programs=$root/build/bench/bench
say "building tconv_bench and the peers"
build "$root" "$root/build/bench" all "${onednn[@]}" || die "the build failed (build/bench/build.log)"
[[ -x $programs/tconv_bench ]] || die "tconv_bench was not built: Google Benchmark (libbenchmark-dev) is missing"
mkdir -p "$out"
out=$(realpath "$out")
"$programs/tconv_bench" --list-layers "${suite[@]}" >"$out/layers.json.part" || exit 2
mv "$out/layers.json.part" "$out/layers.json"
[[ -n $cpu ]] || { cpu=$(default_cpu); cpu=$((cpu - threads + 1)); }
[[ $cpu -ge 0 ]] || die "--threads $threads: this machine has fewer CPUs"

start=$SECONDS status=0
say "our operator and the peers in its process, on CPU $cpu"
"$programs/tconv_bench" "${suite[@]}" --target "$target" --threads "$threads" --pin "$cpu" --benchmark_out="$out/bench.json" \
  >"$out/bench.log" || status=$?
[[ $status -le 1 ]] || die "tconv_bench failed (out/bench.log)"
middle=$SECONDS
rm -f "$out/wheels.json"
if [[ -n $wheels ]]; then
  say "the peers in Python wheels, after $((middle - start)) s"
  # The driver's options are spelt as in this script.
  arguments=()
  for word in "${suite[@]}"; do [[ $word == --layer-filter ]] && arguments+=(--filter) || arguments+=("$word"); done
  "$venv/bin/python" "$root/bench/peers/wheels.py" --build "$programs" --out "$out/wheels.json" --target "$target" \
    --threads "$threads" --cpu "$cpu" "${arguments[@]}" || say "the wheel peers failed: the table is without them"
fi
say "measured in $((SECONDS - start)) s ($((SECONDS - middle)) s for the wheels)"
python3 "$root/bench/report/report.py" --layers "$out/layers.json" --bench "$out/bench.json" --wheels "$out/wheels.json" --out "$out"
exit "$status"
