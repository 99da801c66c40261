// runtime.cpp - doubles of the CUDA runtime: devices, memory, copies, images of kernels.
//
// KAPPA_EMU_DRIVER, KAPPA_EMU_DEVICES (of which CUDA_VISIBLE_DEVICES chooses), KAPPA_EMU_CAPABILITY
// (80 is 8.0), KAPPA_EMU_MEMORY, of all devices together, and KAPPA_EMU_PINNED, the bytes that one
// block of the host's memory may have to be pinned, say what machine it is. KAPPA_EMU_FAIL
// = n: the n-th copy fails, and every call after it; with a path in KAPPA_EMU_FAIL_ONCE in the
// first process only, which makes that file.
#include "dnn_machine.h"
#include "shim.h"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <map>
#include <thread>
#include <unistd.h>

static std::map<const char *, size_t> &pinned = *new std::map<const char *, size_t>;
static int64_t images;
static cudaError_t sticky, last;
static thread_local int current_device;

int emu_current_device()
{
    return current_device;
}

// Devices that the process sees: as CUDA has it, a number that no device has ends the list.
static int devices()
{
    const int there = (int)emu_setting("KAPPA_EMU_DEVICES", 1);
    const char *list = std::getenv("CUDA_VISIBLE_DEVICES");
    int count = 0;

    if (!list)
        return there;
    for (char *end; *list; list = *end == ',' ? end + 1 : end) {
        const long device = std::strtol(list, &end, 10);
        if (end == list || device < 0 || device >= there)
            break;
        count++;
    }
    return count;
}

static cudaError_t failed(cudaError_t e)
{
    last = e;
    return e;
}

static bool is_pinned(const void *p, size_t bytes)
{
    auto found = pinned.upper_bound((const char *)p);

    if (found == pinned.begin())
        return false;
    --found;
    return (const char *)p + bytes <= found->first + found->second;
}

int64_t emu_blas_live();

// KAPPA_EMU_STANDSTILLS names a file for their number.
static void tell_standstills()
{
    const char *path = std::getenv("KAPPA_EMU_STANDSTILLS");
    FILE *file = path ? std::fopen(path, "w") : nullptr;

    if (!file)
        return;
    std::fprintf(file, "%lld\n", (long long)emu_standstills());
    std::fclose(file);
}

// What is left over at the end is a leak.
__attribute__((destructor)) static void emu_end()
{
    tell_standstills();
    if (emu_memory_live() == 0 && emu_streams_live() == 0 && pinned.empty() && images == 0 &&
        emu_blas_live() == 0 && emu_dnn_handles_live() == 0 && emu_descriptors().empty())
        return;
    std::fprintf(stderr,
                 "cuda-emu: left over: %lld allocations, %lld streams, events and graphs, "
                 "%zu pinned blocks, %lld images, %lld handles, %zu descriptors\n",
                 (long long)emu_memory_live(), (long long)emu_streams_live(), pinned.size(),
                 (long long)images, (long long)(emu_blas_live() + emu_dnn_handles_live()),
                 emu_descriptors().size());
    _exit(86);
}

static bool may_fail()
{
    const char *path = std::getenv("KAPPA_EMU_FAIL_ONCE");
    const int made = path ? open(path, O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;

    if (made >= 0)
        close(made);
    return !path || made >= 0;
}

static void check_copy(const char *function, void *to, const void *from, size_t bytes,
                       cudaMemcpyKind kind)
{
    const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;

    if (kind != cudaMemcpyHostToDevice && kind != cudaMemcpyDeviceToHost &&
        kind != cudaMemcpyDeviceToDevice)
        emu_die("%s: a kind of copy that nobody needs", function);
    if (to_device)
        emu_need(function, "the destination", to, bytes);
    else if (!is_pinned(to, bytes))
        emu_die("%s: the destination %p is no pinned host memory, so the host would wait", function,
                to);
    if (from_device)
        emu_need(function, "the source", from, bytes);
    else if (!is_pinned(from, bytes))
        emu_die("%s: the source %p is no pinned host memory, so the host would wait", function,
                from);
}

extern "C" {

cudaError_t cudaDriverGetVersion(int *out)
{
    *out = (int)emu_setting("KAPPA_EMU_DRIVER", CUDART_VERSION);
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *out)
{
    const auto lock = emu_lock();

    *out = devices();
    if (emu_setting("KAPPA_EMU_DRIVER", CUDART_VERSION) < CUDART_VERSION)
        return failed(cudaErrorInsufficientDriver);
    return *out > 0 ? cudaSuccess : failed(cudaErrorNoDevice);
}

cudaError_t cudaSetDevice(int device)
{
    const auto lock = emu_lock();

    if (device < 0 || device >= devices())
        return failed(cudaErrorInvalidDevice);
    current_device = device;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *out, int device)
{
    const int64_t capability = emu_setting("KAPPA_EMU_CAPABILITY", 80);

    (void)device;
    *out = {};
    std::snprintf(out->name, sizeof(out->name), "an emulated GPU");
    out->major = (int)(capability / 10);
    out->minor = (int)(capability % 10);
    out->totalGlobalMem = emu_memory_total();
    return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t e)
{
    return e == cudaSuccess                 ? "no error"
           : e == cudaErrorMemoryAllocation ? "out of memory"
           : e == cudaErrorNoDevice         ? "no CUDA-capable device is detected"
                                            : "an error of the emulated device";
}

cudaError_t cudaGetLastError(void)
{
    const auto lock = emu_lock();
    const cudaError_t e = sticky ? sticky : last;

    last = cudaSuccess;
    return e;
}

cudaError_t cudaMalloc(void **out, size_t bytes)
{
    const auto lock = emu_lock();

    emu_no_capture("cudaMalloc");
    *out = emu_memory_alloc(bytes);
    return *out ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}

cudaError_t cudaMemGetInfo(size_t *left, size_t *total)
{
    const auto lock = emu_lock();

    if (sticky)
        return sticky;
    *left = emu_memory_left();
    *total = emu_memory_total();
    return cudaSuccess;
}

cudaError_t cudaFree(void *p)
{
    const auto lock = emu_lock();

    emu_no_capture("cudaFree");
    emu_drain_all();
    if (p)
        emu_memory_free(p);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **out, size_t bytes)
{
    const auto lock = emu_lock();

    emu_no_capture("cudaMallocHost");
    if ((int64_t)bytes > emu_setting("KAPPA_EMU_PINNED", INT64_MAX))
        return failed(cudaErrorMemoryAllocation);
    char *p = new char[bytes + 1];
    pinned[p] = bytes;
    *out = p;
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *p)
{
    const auto lock = emu_lock();

    emu_drain_all();
    if (p && !pinned.erase((const char *)p))
        emu_die("cudaFreeHost(%p): not the beginning of a pinned block", p);
    delete[](char *) p;
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    static int64_t copies;
    const auto lock = emu_lock();

    if (++copies == emu_setting("KAPPA_EMU_FAIL", 0) && may_fail())
        sticky = cudaErrorIllegalAddress;
    if (sticky)
        return sticky;
    check_copy("cudaMemcpyAsync", to, from, bytes, kind);
    emu_enqueue(stream, "cudaMemcpyAsync", [=] {
        check_copy("cudaMemcpyAsync", to, from, bytes, kind);
        std::memmove(to, from, bytes);
    });
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t stream)
{
    const auto lock = emu_lock();

    if (sticky)
        return sticky;
    emu_need("cudaMemsetAsync", "the memory", p, bytes);
    emu_enqueue(stream, "cudaMemsetAsync", [=] {
        emu_need("cudaMemsetAsync", "the memory", p, bytes);
        std::memset(p, value, bytes);
    });
    return cudaSuccess;
}

// On a thread of its own, as CUDA has it.
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void *argument)
{
    const auto lock = emu_lock();

    if (sticky)
        return sticky;
    emu_enqueue(stream, "cudaLaunchHostFunc", [=] {
        emu_memory_closed_for([=] {
            std::thread([=] {
                emu_forbid();
                function(argument);
            }).join();
        });
    });
    return cudaSuccess;
}

cudaError_t cudaLibraryLoadData(cudaLibrary_t *out, const void *code, enum cudaJitOption *, void **,
                                unsigned, enum cudaLibraryOption *, void **, unsigned)
{
    const auto lock = emu_lock();

    emu_no_capture("cudaLibraryLoadData");
    if (!code)
        return failed(cudaErrorInvalidKernelImage);
    images++;
    *out = (cudaLibrary_t)(void *)&images;
    return cudaSuccess;
}

cudaError_t cudaLibraryUnload(cudaLibrary_t)
{
    const auto lock = emu_lock();

    images--;
    return cudaSuccess;
}

cudaError_t cudaLibraryGetKernel(cudaKernel_t *out, cudaLibrary_t, const char *name)
{
    for (const emu_kernel *k = emu_image_kernels; k->name; k++)
        if (std::strcmp(k->name, name) == 0) {
            *out = (cudaKernel_t)(uintptr_t)k;
            return cudaSuccess;
        }
    return failed(cudaErrorSymbolNotFound);
}

cudaError_t cudaLaunchKernel(const void *kernel, dim3 blocks, dim3 threads, void **arguments,
                             size_t shared, cudaStream_t stream)
{
    const emu_kernel *k = (const emu_kernel *)kernel;

    if (shared != 0)
        emu_die("a launch with shared memory of its own size");
    k->launch(k->name, blocks, threads, stream, arguments);
    return cudaSuccess;
}
}
