#!/bin/bash
# Records what this machine can do: runs the tests natively and ./dev bench, and writes bench/results/CPU-TARGET-DATE.json.
#   --target T   default: avx512, when this machine has it
#   --no-tests   when they have just been run
#   ...          the rest goes to ./dev bench, e.g. --quick
# For idle machines: other work in the meantime makes the figures worthless, so a busy machine is refused (--busy takes it all the same).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
die() { printf 'record: %s\n' "$*" >&2; exit 1; }

target='' tests=1 busy='' rest=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --target) [[ $# -ge 2 ]] || die "--target: a value is missing"; target=$2; shift ;;
    --no-tests) tests= ;;
    --busy) busy=1 ;;
    -h | --help) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) rest+=("$1") ;;
  esac
  shift
done

cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -1)
[[ -n $cpu ]] || cpu=$(uname -m)
if [[ -z $target ]]; then
  grep -qw avx512vl /proc/cpuinfo || die "this CPU ($cpu) has no AVX-512; name another --target"
  target=avx512
fi
load=$(cut -d ' ' -f 1 /proc/loadavg)
if [[ -z $busy ]] && awk -v load="$load" 'BEGIN { exit !(load > 0.5) }'; then
  die "load average = $load: this machine is busy (wait, or say --busy)"
fi

[[ -z $tests ]] || ./dev test host
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
./dev bench --target "$target" --out "$work" "${rest[@]}"

# Families that hide their marketing name (virtual machines) are told apart by family, model and stepping.
numbers=$(sed -n 's/^\(cpu family\|model\|stepping\)[[:space:]]*: *//p' /proc/cpuinfo | head -3 | paste -sd -)
slug=$(printf '%s' "$cpu" | tr '[:upper:]' '[:lower:]' | sed 's/([a-z]*)//g; s/ @.*//; s/[^a-z0-9][^a-z0-9]*/-/g; s/^-//; s/-$//')
date=$(date -u +%F)
file=bench/results/$slug-$numbers-$target-$date.json
python3 - "$work/summary.json" "$file" "$cpu" "$numbers" "$date" "$target" "$(git rev-parse HEAD)" "$load" <<'PYTHON'
import json, os, sys
source, file, cpu, numbers, date, target, commit, load = sys.argv[1:]
with open(source) as text:
    summary = json.load(text)
recorded = {'cpu': cpu, 'family, model, stepping': numbers, 'date': date, 'target': target, 'commit': commit, 'load before': float(load)}
with open(file + '.part', 'w') as text:
    json.dump({'recorded': recorded, **summary}, text, indent=1)
    text.write('\n')
os.replace(file + '.part', file)
PYTHON
printf 'record: %s\n' "$file"
