#!/bin/sh
# gpu.sh [--quick] [--no-build] [--out FILE] - for people with a GPU: does everything hold on it,
# and how fast are its steps? Prints a line for each and writes a report to send in, unless told
# otherwise build/gpu-report.json.
#
# All operations, the fixtures of PyTorch and short trainings run on the device cuda, and some of
# them under compute-sanitizer, if it is there. Then the steps of the models are timed, beside what
# the GPU's arithmetic and memory, measured here, would allow. --quick takes few cases and tiny
# models; --no-build takes build/ as it is. $KAPPA_CUDA_BACKEND names another backend to look at.
set -eu
cd "$(dirname "$0")/.."
backend=${KAPPA_CUDA_BACKEND-}
. tests/common.sh
[ -z "$backend" ] || export KAPPA_CUDA_BACKEND="$backend"

builds=true
for argument; do
    shift
    if [ "$argument" = --no-build ]; then
        builds=false
    else
        set -- "$@" "$argument"
    fi
done

# Before a build that takes minutes.
[ -n "$backend" ] || python3 -c 'import ctypes; ctypes.CDLL("libcuda.so.1")' 2>/dev/null || {
    echo "skipped: libcuda.so.1 is not there: this machine has no NVIDIA driver"
    exit 77
}
if $builds; then
    sh tests/setup.sh build data test
    build build -Dcuda=enabled
fi
exec python3 -B tests/gpu.py build "$@"
