#!/bin/bash
# ./dev bench [OPTION...]: the whole suite and all peers on one core.
#   --quick           tier 2 only
#   --layers FILE     another suite (CSV, the columns of bench/layers.csv)
#   --filter REGEX    only layers whose name matches
#   --threads N       N threads, on N CPUs, for everybody (default 1)
#   --target T        avx512, avx2, sse4, scalar, neon: ours and, as far as possible, the peers' (default: the best)
#   --winograd W      off, strict, standard: what rounding errors our operator may make (default: standard)
#   --algorithm A     auto (default), a name, or each: every algorithm that can do a layer, and where the plan chose wrong
#   --no-wheels       without the peers that come as Python wheels
#   --no-peers        without any peer
#   --cpu N           the first CPU to run on (default: the last one, with N threads the last N)
#   --out DIR         where the results go (default: out)
# Writes DIR/bench.json (Google Benchmark), DIR/wheels.json, DIR/summary.json, DIR/bench.html; prints the table.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

suite=() wheels=1 peers=all threads=1 target=auto winograd=standard algorithm=auto cpu='' out=$root/out
while [[ $# -gt 0 ]]; do
  case $1 in
    --quick) suite+=(--tier 2) ;;
    --layers | --filter | --threads | --target | --winograd | --algorithm | --cpu | --out)
      [[ $# -ge 2 ]] || die "$1: a value is missing"
      case $1 in
        --layers) suite+=(--layers "$(realpath -- "$2")") ;;
        --filter) suite+=(--layer-filter "$2") ;;
        --threads) threads=$2 ;;
        --target) target=$2 ;;
        --winograd) winograd=$2 ;;
        --algorithm) algorithm=$2 ;;
        --cpu) cpu=$2 ;;
        --out) out=$2 ;;
      esac
      shift ;;
    --no-wheels) wheels= ;;
    --no-peers) wheels= peers=none ;;
    -h | --help) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) die "unknown argument \"$1\" (--help lists them)" ;;
  esac
  shift
done
[[ $threads =~ ^[1-9][0-9]*$ ]] || die "--threads = \"$threads\": must be a whole number above 0"
[[ -z $cpu || $cpu =~ ^[0-9]+$ ]] || die "--cpu = \"$cpu\": must be the number of a CPU"
cpus=$(choose_cpus "$threads" "$cpu") || die "--threads $threads${cpu:+ --cpu $cpu}: this process may not use that many CPUs${cpu:+ from there on}"

need_packages
venv= onednn=()
if [[ $peers != none ]]; then
  if venv=$("$root/bench/peers/venv.sh"); then
    [[ -f $venv/include/dnnl.hpp ]] && onednn=(-DTCONV_BENCH_ONEDNN_ROOT="$venv")
  else
    say "no virtual environment: wheel peers are left out"
    wheels=
  fi
fi
programs=$root/build/bench/bench
say "building tconv_bench and the peers"
build "$root" "$root/build/bench" "bench_programs" "${onednn[@]}" || die "the build failed (build/bench/build.log)"
[[ -x $programs/tconv_bench ]] || die "tconv_bench was not built: Google Benchmark (libbenchmark-dev) is missing"
mkdir -p "$out"
out=$(realpath "$out")
"$programs/tconv_bench" --list-layers "${suite[@]}" >"$out/layers.json.part" || { rm -f "$out/layers.json.part"; exit 2; }
mv "$out/layers.json.part" "$out/layers.json"

ours=(--target "$target" --threads "$threads" --winograd "$winograd")
start=$SECONDS status=0
say "our operator and the peers in its process, on CPU $cpus"
taskset -c "$cpus" "$programs/tconv_bench" "${suite[@]}" "${ours[@]}" --algorithm "$algorithm" --peers "$peers" \
  --benchmark_out="$out/bench.json" >"$out/bench.log" || status=$?
[[ $status -le 1 ]] || die "tconv_bench failed ($out/bench.log)"
middle=$SECONDS
rm -f "$out/wheels.json"
if [[ -n $wheels ]]; then
  say "the peers in Python wheels, after $((middle - start)) s"
  # The driver's options are spelt as in this script.
  arguments=()
  for word in "${suite[@]}"; do [[ $word == --layer-filter ]] && arguments+=(--filter) || arguments+=("$word"); done
  [[ $algorithm == each ]] || ours+=(--algorithm "$algorithm")
  taskset -c "$cpus" "$venv/bin/python" "$root/bench/peers/wheels.py" --build "$programs" --out "$out/wheels.json" "${ours[@]}" \
    "${arguments[@]}" || say "the wheel peers failed: the table is without them"
fi
say "measured in $((SECONDS - start)) s ($((SECONDS - middle)) s for the wheels)"
python3 "$root/bench/report/report.py" --layers "$out/layers.json" --bench "$out/bench.json" --wheels "$out/wheels.json" --out "$out"
exit "$status"
