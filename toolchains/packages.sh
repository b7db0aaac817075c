#!/bin/bash
# packages.sh ARCHITECTURE FOLDER PACKAGE...
# Unpacks Debian packages of another architecture, and what they depend on, into FOLDER, laid out like /: libraries to link cross-compiled
# programs with (TCONV_SYSROOT_PACKAGES in toolchains/cross.cmake). Uses this machine's package sources, but neither its package state nor
# root; nothing is installed. The C library is left out: the cross compiler has its own.
set -euo pipefail
[[ $# -ge 3 ]] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
architecture=$1 folder=$2
shift 2

wanted="$architecture $*"
[[ -f $folder/.packages && $(<"$folder/.packages") == "$wanted" ]] && exit 0
mkdir -p "$(dirname "$folder")"
folder=$(cd "$(dirname "$folder")" && pwd)/${folder##*/}
work=$(mktemp -d "${folder}-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,cache}/partial "$work/cache/archives/partial" "$work/root"
: >"$work/status" # as if nothing were installed
apt=(apt-get -q -y -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" -o APT::Sandbox::User=root
  -o Dir::State="$work" -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache"
  -o Debug::NoLocking=1)
"${apt[@]}" update >"$work/log" 2>&1 || true # one bad index does not matter as long as the packages can be had
"${apt[@]}" install --no-install-recommends --download-only "$@" >>"$work/log" 2>&1 || {
  cat "$work/log" >&2
  echo "packages.sh: cannot download for $architecture: $*" >&2
  exit 1
}
for package in "$work"/cache/archives/*.deb; do
  case ${package##*/} in
    libc6_* | libc6-dev_* | libc-dev-bin_* | linux-libc-dev_* | libstdc++6_* | libgcc-s1_*) ;;
    *) dpkg-deb -x "$package" "$work/root" ;;
  esac
done
# Links to absolute paths would leave the folder.
find "$work/root" -type l -lname '/*' | while read -r link; do
  ln -srfT "$work/root$(readlink "$link")" "$link"
done
# Libraries that alternatives would put in place.
for library in "$work"/root/usr/lib/*/{openblas-pthread,blas,lapack}/*.so*; do
  [[ -e $library ]] && ln -sf "$(basename "$(dirname "$library")")/${library##*/}" "$(dirname "$(dirname "$library")")/${library##*/}"
done
echo "$wanted" >"$work/root/.packages"
rm -rf "$folder"
mv "$work/root" "$folder"
