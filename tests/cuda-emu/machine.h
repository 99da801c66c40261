/* machine.h - the emulated device, as the doubles of the CUDA libraries use it.
 *
 * One lock is held in every call of a double, so that one thread at a time is inside. Whatever a
 * program must not do ends it with a message: emu_die(). */
#ifndef KP_CUDA_EMU_MACHINE_H
#define KP_CUDA_EMU_MACHINE_H

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

[[noreturn]] void emu_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A number from the environment. */
int64_t emu_setting(const char *name, int64_t otherwise);

/* Of the calling thread. */
int emu_current_device();

/* Held by every double. */
std::unique_lock<std::recursive_mutex> emu_lock();

/* From now on this thread must not call CUDA. */
void emu_forbid();

/* --- memory.cpp ---
 * Every allocation has pages of its own, with an inaccessible page behind; its bytes begin as NaN
 * and the bytes up to the end of its page are watched. The host cannot touch any of it, except
 * between emu_memory_open() and emu_memory_close(), which nest. */
void *emu_memory_alloc(size_t bytes); /* NULL: more than KAPPA_EMU_MEMORY bytes */
void emu_memory_free(void *p);
void emu_memory_open();
void emu_memory_close();
/* Closed meanwhile, however often it is open. */
void emu_memory_closed_for(const std::function<void()> &what);
size_t emu_memory_total();
size_t emu_memory_left();
bool emu_is_device(const void *p);

/* Ends the program unless `bytes` from p on lie in one live allocation. */
void emu_need(const char *function, const char *argument, const void *p, size_t bytes);

/* What the message of a fault in device memory names. */
void emu_memory_working(const char *kernel);
int64_t emu_memory_live();

/* --- block.cpp --- */
/* All blocks of a grid, one after the other; `seed` shuffles the order of blocks and threads. */
void emu_grid(const char *kernel, dim3 blocks, dim3 threads, const std::function<void()> &body,
              uint64_t *seed);

/* --- streams.cpp --- */
/* Work for later, or for the graph that the stream is capturing. */
void emu_enqueue(cudaStream_t stream, const char *what, std::function<void()> work);

/* Ends the program if a stream is capturing for this thread. */
void emu_no_capture(const char *function);

/* All that was enqueued. */
void emu_drain(cudaStream_t stream);
void emu_drain_all();
int64_t emu_streams_live();

/* How often the host has waited for all that a stream had to do. */
int64_t emu_standstills();

#endif
