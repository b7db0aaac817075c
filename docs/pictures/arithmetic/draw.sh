#!/bin/sh
# Draws the pictures of docs/arithmetic.md with the program itself: draw.sh TCONV.
# With --check before it, draws them elsewhere and says whether those in this folder are up to date.
set -e
here=$(cd "$(dirname "$0")" && pwd)
check=no
[ "$1" = --check ] && { check=yes; shift; }
tconv=${1:?draw.sh [--check] TCONV}
to=$here
[ $check = yes ] && { to=$(mktemp -d); trap 'rm -r "$to"' EXIT; }

draw() {
  name=$1
  shift
  "$tconv" arith "$@" --svg "$to/$name.svg" >/dev/null
}

# The worked examples of the guide, each the transpose of a convolution.
draw no-padding --convolution --input 4 --kernel 3
draw padding --convolution --input 5 --kernel 4 --padding 2
draw half-padding --convolution --input 5 --kernel 3 --padding 1
draw full-padding --convolution --input 5 --kernel 3 --padding 2
draw stride --convolution --input 5 --kernel 3 --stride 2
draw stride-padding --convolution --input 5 --kernel 3 --stride 2 --padding 1
draw stride-padding-remainder --convolution --input 6 --kernel 3 --stride 2 --padding 1
# Two that the guide does not have.
draw even-overlap --input 4 --kernel 4 --stride 2 --padding 1 --at 3
draw dilation --input 4 --kernel 3 --stride 3 --dilation 2 --at 5

if [ $check = yes ]; then
  for picture in "$to"/*.svg; do
    cmp "$picture" "$here/$(basename "$picture")" || { echo "draw the pictures again: docs/pictures/arithmetic/draw.sh TCONV"; exit 1; }
  done
  echo "$(ls "$to" | wc -l) pictures are up to date"
fi
