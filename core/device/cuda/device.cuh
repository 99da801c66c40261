// device.cuh - what kernels are made of: loops over a grid, sums over a block.
//
// Nothing here or in a kernel adds with atomics: a sum has one order, so that results are the same
// bits in every run.
#ifndef KP_CUDA_DEVICE_CUH
#define KP_CUDA_DEVICE_CUH

#ifdef __NVCC__
#include <cuda_runtime.h>
#define KP_LAUNCH(kernel, blocks, threads, stream, ...) \
    kernel<<<(blocks), (threads), 0, (stream)>>>(__VA_ARGS__)
// Blocks of a grid that walks over its work in strides: enough for the largest GPU.
#define KP_GRID_LIMIT 2048
#endif

#include "device/cuda/cuda.h"

#define KP_THREADS 256

// Blocks for `tasks` threads or for `tasks` blocks.
static inline unsigned kp_blocks(int64_t tasks)
{
    return tasks < 1 ? 1 : tasks > KP_GRID_LIMIT ? KP_GRID_LIMIT : (unsigned)tasks;
}

static inline unsigned kp_blocks_of(int64_t threads)
{
    return kp_blocks((threads + KP_THREADS - 1) / KP_THREADS);
}

// A thread's share of n tasks; a block's.
#define KP_MINE(i, n)                                                         \
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < (n); \
         i += (int64_t)gridDim.x * blockDim.x)
#define KP_OURS(i, n) for (int64_t i = blockIdx.x; i < (n); i += gridDim.x)

// Threads for a block that has a row of `width`: a power of two.
static inline unsigned kp_row_threads(int64_t width)
{
    return width <= 256 ? 32 : KP_THREADS;
}

template <class T> struct kp_fold_sum {
    __device__ T operator()(T a, T b) const
    {
        return a + b;
    }
};

template <class T> struct kp_fold_max {
    __device__ T operator()(T a, T b) const
    {
        return a > b ? a : b;
    }
};

// Over all threads of the block, a multiple of 32, in all of them.
template <class F, class T> static inline __device__ T kp_block_fold(T x)
{
    __shared__ T part[32];
    const F fold = F();

    for (unsigned other = 16; other > 0; other /= 2)
        x = fold(x, __shfl_xor_sync(0xffffffffu, x, other));
    if (blockDim.x == 32)
        return x;
    __syncthreads(); // what the call before left has been read
    if (threadIdx.x % 32 == 0)
        part[threadIdx.x / 32] = x;
    __syncthreads();
    x = part[0];
    for (unsigned i = 1; i < blockDim.x / 32; i++)
        x = fold(x, part[i]);
    return x;
}

template <class T> static inline __device__ T kp_block_sum(T x)
{
    return kp_block_fold<kp_fold_sum<T>, T>(x);
}

template <class T> static inline __device__ T kp_block_max(T x)
{
    return kp_block_fold<kp_fold_max<T>, T>(x);
}

#endif
