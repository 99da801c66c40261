#!/bin/sh
# full.sh - everything at full length: run.sh's tests, TSan, valgrind, and each fuzzer for a while.
#
# KAPPA_FUZZ_SECONDS (default 300) is the time of each fuzzer.
set -u
cd "$(dirname "$0")/.."
. tests/common.sh

sh tests/setup.sh build data test full || exit 2

suite build tests -- --timeout-multiplier 10
# No kernels for GPUs here: nvcc and cuDNN are not ours to look into.
asan='-Dgpu_architectures= -Db_sanitize=address,undefined -Db_lundef=false'
tsan='-Dgpu_architectures= -Db_sanitize=thread -Db_lundef=false'
suite build-asan "all under ASan and UBSan" $asan -- --no-suite lint --no-suite cudnn \
    --no-suite cuda --no-suite cuda-emu --no-suite cuda-static --timeout-multiplier 10
suite build-tsan "unit and cli under TSan" $tsan -- --suite unit --suite cli \
    --timeout-multiplier 20

# valgrind knows no AVX-512.
KAPPA_CPU_LEVEL=avx2
export KAPPA_CPU_LEVEL
suite build "unit under valgrind" -- --suite unit --timeout-multiplier 50 \
    --wrap 'valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite'
unset KAPPA_CPU_LEVEL

emulated=$PWD/build/tests/cuda-emu/kappa-cuda-emu.so
if [ -f "$emulated" ]; then
    suite build-asan "the emulated GPU under ASan and UBSan" $asan -- --suite cuda-emu \
        --timeout-multiplier 10
    # Many short processes, none of which has a thread to wait for when it ends.
    tsan_options=$TSAN_OPTIONS
    TSAN_OPTIONS=$tsan_options:atexit_sleep_ms=0
    suite build-tsan "the emulated GPU under TSan" $tsan -- --suite cuda-emu \
        --timeout-multiplier 20
    TSAN_OPTIONS=$tsan_options

    # Work in other orders: streams that run ahead, threads and blocks in turns of their own.
    for seed in 1 2 3; do
        KAPPA_EMU_SEED=$seed
        export KAPPA_EMU_SEED
        suite build "the emulated GPU, schedule $seed" -- --suite cuda-emu --timeout-multiplier 10
        KAPPA_CUDA_BACKEND=$emulated build/tests/op/test_ops --device cuda \
            >build/op-cuda-emu.log ||
            failure "all operations on the emulated GPU, schedule $seed: build/op-cuda-emu.log"
    done
    unset KAPPA_EMU_SEED

    echo "== what people with a GPU run, on the emulated one"
    KAPPA_CUDA_BACKEND=$emulated sh tests/gpu.sh --quick --no-build ||
        failure "gpu.sh on the emulated GPU"
fi

echo "== cuDNN's plans for all devices"
sh tests/cudnn/plans.sh "$PWD" "$PWD/build" build/tests/cudnn/cudnn_plans \
    build/tests/cudnn/driver || [ $? -eq 77 ] || failure "cuDNN's plans"

echo "== the GPU's kernels for all architectures"
sh tests/cuda-emu/static.sh . || [ $? -eq 77 ] || failure "the GPU's kernels"

echo "== faults at full length"
sh tests/fault/full.sh || failure "the faults at full length"

echo "== the SDK as installed"
sh tests/sdk.sh || failure "the SDK as installed"

echo "== fuzzers"
if (
    export CC=clang
    build build-fuzz -Dfuzz=true -Dtests=true -Db_sanitize=address,undefined -Db_lundef=false
); then
    for corpus in tests/fuzz/corpus/*/; do
        name=$(basename "$corpus")
        found=build-fuzz/found-$name
        mkdir -p "$found"
        echo "== fuzz_$name"
        # What it finds new goes to the first folder; the corpus of the tree stays as it is.
        build-fuzz/tests/fuzz/fuzz_"$name" -max_total_time="${KAPPA_FUZZ_SECONDS:-300}" \
            -print_final_stats=1 -verbosity=0 -artifact_prefix="$found/" "$found" "$corpus" ||
            failure "fuzz_$name"
    done
else
    failure "the build in build-fuzz"
fi
summary
