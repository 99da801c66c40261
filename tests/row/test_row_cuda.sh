#!/bin/sh
# test_row_cuda.sh - row functions as kernels: every objective that has one goes through nvcc (where
# it is installed), and the kernels' text runs on threads, compiled by the C++ compiler.
set -eu
cd "$(dirname "$0")/../.."
command -v c++ >/dev/null || {
    echo "skipped: no C++ compiler"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

c++ -std=c++17 -O1 -g -Wall -Wextra -Werror -Wno-unused-variable -Wno-unused-function \
    -Wno-missing-field-initializers -I. -Iplugins/include -Itests/row -pthread \
    -o "$work/emulated" tests/row/emulated.cpp
"$work/emulated"

nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
[ -x "$nvcc" ] || {
    echo "nvcc is not installed: the kernels ran on threads alone"
    exit 0
}
for file in $(grep -l KP_ROW_LOSS objectives/*.c); do
    name=$(basename "$file" .c)
    "$nvcc" -x cu -std=c++17 -ptx -Iplugins/include -o "$work/$name.ptx" "$file" 2>"$work/log" || {
        cat "$work/log"
        exit 1
    }
    grep -q "\.visible \.entry ${name}_row_cuda" "$work/$name.ptx" || {
        echo "$file: nvcc made no kernel ${name}_row_cuda"
        exit 1
    }
done
