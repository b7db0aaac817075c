#!/bin/bash
# venv.sh: makes the virtual environment of the wheel peers once, and prints its path. It lies in ${XDG_CACHE_HOME:-~/.cache}/tconv, so
# that every build folder shares it; TCONV_BENCH_VENV names another place. What does not install is said and left out.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=${TCONV_BENCH_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/tconv/bench-venv}
wanted=$(sed '/^#/d' "$here/requirements.txt")
stamp=$venv/tconv-installed

if [[ -x $venv/bin/python ]] && [[ -f $stamp ]] && [[ $(cat "$stamp") == "$wanted" ]]; then
  printf '%s\n' "$venv"
  exit 0
fi
python3 -m venv "$venv" >&2 || { echo "venv.sh: python3 -m venv does not work (Debian package python3-venv)" >&2; exit 1; }
if ! "$venv/bin/pip" install --quiet --disable-pip-version-check $wanted >&2 2>/dev/null; then
  for package in $wanted; do
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$package" >&2 || echo "venv.sh: $package does not install" >&2
  done
fi
printf '%s\n' "$wanted" >"$stamp"
printf '%s\n' "$venv"
