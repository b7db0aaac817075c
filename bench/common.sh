# Sourced by run.sh, compare.sh and baseline.sh: packages and builds. Sets `root`.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=${TCONV_JOBS:-$(nproc)}

say() { printf '== %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 2; }

# Installs what bench/packages.txt lists and is missing; without the rights to do so only says it, for every peer is optional.
need_packages() {
  command -v dpkg-query >/dev/null || return 0
  local missing=() package
  while read -r package; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done <"$root/bench/packages.txt"
  [[ ${#missing[@]} -gt 0 ]] || return 0
  local as_root=()
  if [[ $(id -u) -ne 0 ]]; then
    if sudo -n true 2>/dev/null; then
      as_root=(sudo)
    else
      say "not installed: ${missing[*]} (apt-get install --no-install-recommends ${missing[*]}); what needs them is left out"
      return 0
    fi
  fi
  say "installing ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600)
  "${apt[@]}" update </dev/null >/dev/null 2>&1 || true
  "${apt[@]}" install --no-install-recommends "${missing[@]}" </dev/null >/dev/null 2>&1 ||
    say "apt-get could not install all of ${missing[*]}; what needs them is left out"
}

# build SOURCE FOLDER TARGETS [CMAKE ARGUMENT...]: a release build of bench programs alone. An older configuration of the folder may
# have remembered a shorter list of algorithms as its default: it is forgotten.
build() {
  local source=$1 folder=$2 targets=$3
  shift 3
  command -v ccache >/dev/null && set -- -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@"
  mkdir -p "$folder"
  cmake -S "$source" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTCONV_BUILD_TESTS=OFF -DTCONV_BUILD_TOOLS=OFF \
    -DTCONV_BUILD_EXAMPLES=OFF -DTCONV_BUILD_BENCH=ON "$@" >"$folder/configure.log" 2>&1 ||
    { tail -20 "$folder/configure.log" >&2; return 1; }
  # shellcheck disable=SC2086
  cmake --build "$folder" -j "$jobs" --target $targets >"$folder/build.log" 2>&1 || { tail -30 "$folder/build.log" >&2; return 1; }
}

# choose_cpus COUNT [FIRST]: CPUs that this process may use, as taskset takes them: of different cores as long as there are any, and the
# last ones (interrupts mostly go to the first); or those from FIRST on. Status 1 when there are too few.
choose_cpus() {
  python3 - "$1" "${2-}" <<'PYTHON'
import os
import sys

count, first = int(sys.argv[1]), int(sys.argv[2] or -1)
cpus = sorted(cpu for cpu in os.sched_getaffinity(0) if cpu >= first)
if len(cpus) < count or first >= 0 and cpus[0] != first:
    sys.exit(1)


def core(cpu):
    try:
        with open("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list" % cpu) as file:
            return file.read()
    except OSError:
        return cpu


met, turn = {}, {}
for cpu in reversed(cpus):  # the first of each core, then the second, ...
    turn[cpu] = met[core(cpu)] = met.get(core(cpu), 0) + 1
chosen = cpus[:count] if first >= 0 else sorted(cpus, key=lambda cpu: (turn[cpu], -cpu))[:count]
print(",".join(map(str, sorted(chosen))))
PYTHON
}
