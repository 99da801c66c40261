#!/bin/sh
# row.sh [KD.C] - the kd objective, compiled with nothing but cc -O2, beside the same loss by hand
# with intrinsics for this processor (AVX-512 or AVX2), on one thread; and the code lines of all
# objectives. A ratio is the time by hand over kappa's, medians of rounds in turn.
set -eu
cd "$(dirname "$0")/../.."
source=${1:-objectives/kd.c}
sh tests/setup.sh build bench
. tests/common.sh
build build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cc -std=c17 -O2 -fPIC -shared -Iplugins/include -o "$work/kd.so" "$source" -lm
build/tests/bench/row_bench "$work"
echo "code lines:"
sh tests/bench/code_lines.sh objectives/*.c
