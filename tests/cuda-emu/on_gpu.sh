# on_gpu.sh BACKEND PROGRAM [ARGUMENT...] - a test of the cuda device with this object on a real
# GPU; skipped, with the reason, where there is none.
set -eu
KAPPA_CUDA_BACKEND=$1
export KAPPA_CUDA_BACKEND
shift
why=$(python3 -c '
import ctypes

try:
    driver = ctypes.CDLL("libcuda.so.1")
except OSError:
    raise SystemExit(print("libcuda.so.1 is not there: this machine has no NVIDIA driver"))
count = ctypes.c_int(0)
status = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
if status or count.value < 1:
    print(f"the driver finds none, status {status}")' || echo "python3 cannot ask the driver")
[ -z "$why" ] || {
    echo "skipped: no GPU: $why"
    exit 77
}
[ -e "$KAPPA_CUDA_BACKEND" ] || {
    echo "skipped: a GPU, but no backend for it: meson configure build -Dcuda=auto"
    exit 77
}
exec "$@"
