# common.sh - read by the scripts in tests/: build a configuration, run its tests, add up results.

logs= # of the test runs so far
runs=0
broken=0

# What a user has set for kappa must not reach the tests.
unset KAPPA_PLUGINS KAPPA_CPU_LEVEL KAPPA_CUDA_BACKEND KAPPA_EMU_SEED

# Without these a sanitizer's finding could pass as a success.
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:abort_on_error=1:print_stacktrace=1}
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=1:strict_string_checks=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:abort_on_error=1}

# failure TEXT: something that is no test went wrong; it counts as one failed.
failure() {
    broken=$((broken + 1))
    echo "FAILED: $1"
}

# build FOLDER [MESON-OPTION...]: with the tests and the CUDA backend, also where the folder was
# made without them.
build() {
    folder=$1
    shift
    set -- -Dtests=true -Dcuda=auto "$@"
    if [ -f "$folder/build.ninja" ]; then
        meson configure "$folder" "$@" >/dev/null
    else
        rm -rf "$folder"
        meson setup "$folder" "$@" >"$folder.log" 2>&1 || {
            cat "$folder.log"
            return 1
        }
        mv "$folder.log" "$folder/setup.log"
    fi && ninja -C "$folder" --quiet
}

# suite FOLDER TITLE [MESON-OPTION...] [-- MESON-TEST-OPTION...]
suite() {
    folder=$1
    title=$2
    shift 2
    echo "== $title: building in $folder"
    options=
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        options="$options $1"
        shift
    done
    [ $# -eq 0 ] || shift
    build "$folder" $options || {
        failure "$title: the build in $folder"
        return
    }
    echo "== $title: running"
    runs=$((runs + 1))
    rm -f "$folder"/meson-logs/run"$runs"*.json
    meson test -C "$folder" --no-rebuild --print-errorlogs --logbase "run$runs" "$@"
    # With a wrapper Meson appends its name.
    for log in "$folder"/meson-logs/run"$runs"*.json; do
        if [ -s "$log" ]; then
            logs="$logs $log"
        else
            failure "$title: no test ran"
        fi
    done
}

# Whether the CUDA toolkit and cuDNN are there, as core/device/cuda/meson.build looks for them.
has_toolkit() {
    nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
    [ -x "$nvcc" ] || return 1
    include=$(dirname "$(dirname "$(realpath "$nvcc")")")/include
    ${CC:-cc} -fsyntax-only -I"$include" -x c - 2>/dev/null <<'C'
#include <cublas_v2.h>
#include <cudnn_graph.h>
int attribute = CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP;
C
}

# Print what failed and was skipped, and the last line; exit. Where the toolkit is, nothing that
# needs no GPU may skip.
summary() {
    whole=
    has_toolkit && [ "$(uname -m)" = x86_64 ] && whole='--whole cuda-emu,cuda-static,cudnn'
    python3 tests/summary.py $whole "$broken" $logs
    exit $?
}
