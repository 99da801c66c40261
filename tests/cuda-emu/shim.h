/* shim.h - CUDA's language for a C++ compiler: included before every kernel file of the emulation.
 *
 * A kernel is a function that runs once for each of its threads, see block.cpp. Not there: inline
 * PTX, tensor cores, asynchronous copies, cooperative groups, shared memory sized at the launch. */
#ifndef KP_CUDA_EMU_SHIM_H
#define KP_CUDA_EMU_SHIM_H

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <vector_functions.h>
#include <vector_types.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>
#include <utility>

#define __CUDACC__
#undef __global__
#undef __device__
#undef __host__
#undef __shared__
#undef __forceinline__
#undef __launch_bounds__
#define __global__
#define __device__
#define __host__
#define __shared__      static
#define __forceinline__ inline
#define __launch_bounds__(...)

struct emu_place {
    uint3 thread, block;
    dim3 threads, blocks;
    unsigned lane;
};

/* Of the thread that is running. */
const emu_place &emu_here();

#define threadIdx (emu_here().thread)
#define blockIdx  (emu_here().block)
#define blockDim  (emu_here().threads)
#define gridDim   (emu_here().blocks)

/* `site` tells one barrier of the source from another. */
void emu_barrier(const void *site);
#define __syncthreads()             \
    do {                            \
        static const char site = 0; \
        emu_barrier(&site);         \
    } while (0)

/* The `value` of the lane `source` among those of the mask, which all come here. */
uint64_t emu_exchange(unsigned mask, uint64_t value, unsigned source);

template <class T> static inline T __shfl_xor_sync(unsigned mask, T value, unsigned other)
{
    static_assert(sizeof(T) <= sizeof(uint64_t), "a shuffle moves up to 8 bytes");
    uint64_t bits = 0;

    std::memcpy(&bits, &value, sizeof(value));
    bits = emu_exchange(mask, bits, emu_here().lane ^ other);
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline double cospi(double x)
{
    return std::cos(x * M_PI);
}

static inline double sinpi(double x)
{
    return std::sin(x * M_PI);
}

/* Queues a launch; pointers among the arguments must be to live device memory when it runs. */
void emu_launch(const char *kernel, dim3 blocks, dim3 threads, cudaStream_t stream,
                std::function<void()> check, std::function<void()> body);
void emu_check_pointer(const char *kernel, const void *p);

template <class T> static inline void emu_check_argument(const char *kernel, const T &value)
{
    if constexpr (std::is_pointer_v<T>)
        emu_check_pointer(kernel, (const void *)value);
    else
        (void)kernel, (void)value;
}

template <class... P, class... A>
static inline void emu_call(const char *name, void (*kernel)(P...), dim3 blocks, dim3 threads,
                            cudaStream_t stream, A... arguments)
{
    emu_launch(
        name, blocks, threads, stream, [=] { (emu_check_argument<P>(name, (P)arguments), ...); },
        [=] { kernel((P)arguments...); });
}

#define KP_LAUNCH(kernel, blocks, threads, stream, ...) \
    emu_call(#kernel, kernel, (blocks), (threads), (stream), __VA_ARGS__)

/* Blocks of a grid that walks over its work in strides: few, as every thread costs time. */
#define KP_GRID_LIMIT 6

/* A kernel that images of objectives hold: the emulation has it compiled in and finds it by name,
 * whatever the image is. */
struct emu_kernel {
    const char *name;
    void (*launch)(const char *name, dim3 blocks, dim3 threads, cudaStream_t stream,
                   void **arguments);
};

template <class... P, size_t... I>
static inline void emu_call_packed(const char *name, void (*kernel)(P...), dim3 blocks,
                                   dim3 threads, cudaStream_t stream, void **arguments,
                                   std::index_sequence<I...>)
{
    emu_call(name, kernel, blocks, threads, stream, *(P *)arguments[I]...);
}

template <class... P>
static inline auto emu_indices(void (*)(P...)) -> std::index_sequence_for<P...>;

template <auto kernel>
static void emu_call_from(const char *name, dim3 blocks, dim3 threads, cudaStream_t stream,
                          void **arguments)
{
    emu_call_packed(name, kernel, blocks, threads, stream, arguments,
                    decltype(emu_indices(kernel))());
}

#define EMU_KERNEL(KERNEL)               \
    {                                    \
#KERNEL, emu_call_from < KERNEL> \
    }

/* images.cpp; a kernel without a name ends it. */
extern const emu_kernel emu_image_kernels[];

#endif
