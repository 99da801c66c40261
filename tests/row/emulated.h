// emulated.h - as much of CUDA as kappa/row_cuda.h uses, on threads: one block at a time.
#pragma once
#include <cstdint>
#include <functional>
#include <pthread.h>
#include <thread>
#include <vector>

#define __CUDACC__
#define __device__
#define __host__
#define __global__
#define __shared__ static

struct dim {
    unsigned x;
};
static thread_local dim threadIdx, blockIdx;
static dim blockDim, gridDim;
static pthread_barrier_t block_barrier;

static inline void __syncthreads()
{
    pthread_barrier_wait(&block_barrier);
}

// Runs kernel() in a grid.
static inline void launch(unsigned blocks, unsigned threads, const std::function<void()> &kernel)
{
    gridDim.x = blocks;
    blockDim.x = threads;
    pthread_barrier_init(&block_barrier, nullptr, threads);
    for (unsigned block = 0; block < blocks; block++) {
        std::vector<std::thread> all;
        for (unsigned t = 0; t < threads; t++)
            all.emplace_back([&, block, t] {
                blockIdx.x = block;
                threadIdx.x = t;
                kernel();
            });
        for (auto &t : all)
            t.join();
    }
    pthread_barrier_destroy(&block_barrier);
}
