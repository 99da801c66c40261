#!/bin/sh
# static.sh SOURCE [ARCHITECTURE...] - the kernels through nvcc with warnings as errors; registers,
# shared memory and stack of each against tests/golden/cuda-kernels.txt.
#
# A kernel that spills, uses local memory, or needs more than the table says fails it. With
# KAPPA_UPDATE=1 the table is written anew.
set -eu
cd "$1"
shift
[ $# -gt 0 ] || set -- 80 86 89 90 100 120
nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
[ -x "$nvcc" ] || {
    echo "skipped: nvcc is not installed"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

table=tests/golden/cuda-kernels.txt
for arch in "$@"; do
    for file in core/device/cuda/*.cu; do
        name=$(basename "$file" .cu)
        "$nvcc" -std=c++17 -O3 -cubin -arch="sm_$arch" -Werror all-warnings \
            -Xcompiler -Wall,-Wextra,-Wno-unused-function,-Wno-missing-field-initializers \
            -Xptxas -v,--warn-on-spills,--warn-on-local-memory-usage,-Werror \
            -Icore -Iplugins -Iplugins/include -o "$work/$name.cubin" "$file" >"$work/log" 2>&1 || {
            cat "$work/log"
            echo "$file: nvcc refuses it for sm_$arch"
            exit 1
        }
        c++filt <"$work/log" | awk -v arch="$arch" -v file="$name" '
        /Compiling entry function/ {
            split($0, quoted, "\047")
            kernel = quoted[2]
            sub(/^void /, "", kernel)
            sub(/\(.*/, "", kernel)
            gsub(/ /, "", kernel)
        }
        /Used [0-9]+ registers/ {
            registers = shared = 0
            for (i = 1; i <= NF; i++) {
                if ($(i + 1) ~ /^registers/)
                    registers = $i
                if ($(i + 1) == "bytes" && $(i + 2) ~ /^smem/)
                    shared = $i
            }
            printf "sm_%s %s %s registers %d shared %d\n", arch, file, kernel, registers, shared
        }'
    done
done | LC_ALL=C sort >"$work/table"
[ -s "$work/table" ] || {
    echo "nvcc told of no kernel"
    exit 1
}
if [ "${KAPPA_UPDATE-}" = 1 ]; then
    cp "$work/table" "$table"
fi
awk '
NR == FNR {
    registers[$1 " " $2 " " $3] = $5
    shared[$1 " " $2 " " $3] = $7
    next
}
{
    key = $1 " " $2 " " $3
    if (!(key in registers))
        why = "is not in the table"
    else if ($5 > registers[key])
        why = "had " registers[key] " registers"
    else if ($7 > shared[key])
        why = "had " shared[key] " bytes of shared memory"
    else
        next
    print $0 ": " why
    found++
}
END { exit found > 0 }' "$table" "$work/table"
echo "$(wc -l <"$work/table") kernels"
