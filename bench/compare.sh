#!/bin/bash
# ./dev bench-compare BASE [HEAD] [OPTION...]: does HEAD (default: the tree as it lies here) run any layer slower than BASE?
# Both are built with this tree's bench programs, and run in turns (ABBA) on one core. Exit status 1 names the layers that got slower.
#   --quick, --layers FILE, --filter REGEX, --target T, --winograd W, --cpu N   as for ./dev bench
#   --threshold P     percent that count as slower (default 5)
#   --out DIR         where the samples go (default: out)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
commits=() options=() out=$root/out cpu=''
while [[ $# -gt 0 ]]; do
  case $1 in
    --quick) options+=(--tier 2) ;;
    --layers | --filter | --target | --winograd | --threshold | --cpu | --out)
      [[ $# -ge 2 ]] || die "$1: a value is missing"
      case $1 in
        --layers) options+=(--layers "$(realpath -- "$2")") ;;
        --out) out=$2 ;;
        --cpu) cpu=$2 ;;
        *) options+=("$1" "$2") ;;
      esac
      shift ;;
    -h | --help) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) die "unknown argument \"$1\" (--help lists them)" ;;
    *) commits+=("$1") ;;
  esac
  shift
done
[[ ${#commits[@]} -ge 1 && ${#commits[@]} -le 2 ]] || die "usage: ./dev bench-compare BASE [HEAD] [OPTION...]"

# checkout COMMIT: prints the folder of its sources, with this tree's bench laid over them, so that both sides are measured alike.
checkout() {
  local sha folder
  sha=$(git -C "$root" rev-parse --verify --quiet "$1^{commit}") || die "\"$1\" is no commit of this repository"
  folder=$root/build/compare/$sha/source
  rm -rf "$folder"
  mkdir -p "$folder"
  git -C "$root" archive "$sha" | tar -x -C "$folder"
  rm -rf "$folder/bench"
  cp -r "$root/bench" "$folder/bench"
  printf '%s\n' "$folder"
}
prepare() {
  local source
  if [[ -z $1 ]]; then
    source=$root folder=$root/build/compare/tree
  else
    source=$(checkout "$1") || exit 2
    folder=$(dirname "$source")
  fi
  build "$source" "$folder/build" tconv_runner -DTCONV_BENCH_PEERS=OFF || die "${1:-the tree} does not build ($folder/build/build.log)"
}
say "building ${commits[0]}"
prepare "${commits[0]}"
base=$folder/build/bench/tconv_runner
say "building ${commits[1]:-the tree}"
prepare "${commits[1]:-}"
head=$folder/build/bench/tconv_runner
mkdir -p "$out"
cpus=$(choose_cpus 1 "$cpu") || die "--cpu $cpu: this process may not use it"
exec taskset -c "$cpus" python3 "$root/bench/compare.py" "$base" "$head" --out "$out" "${options[@]}"
