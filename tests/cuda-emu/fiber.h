/* fiber.h - functions that run in turns on one processor, each on a stack of its own; and what
 * ThreadSanitizer is told of them.
 *
 * To ThreadSanitizer a fiber is a thread. Entering and leaving one orders nothing: what a fiber did
 * comes before what another does only where the one has called emu_done() with a mark, and then the
 * other emu_after() with the same. In other builds the two do nothing. */
#ifndef KP_CUDA_EMU_FIBER_H
#define KP_CUDA_EMU_FIBER_H

#include <cstddef>

struct emu_fiber;

/* `main` must not return. */
emu_fiber *emu_fiber_create(size_t stack_bytes, void (*main)(void *), void *argument);
/* Not one that is running; whatever is on its stack is forgotten. */
void emu_fiber_destroy(emu_fiber *f);

/* f goes on, until it leaves to where it was entered. */
void emu_fiber_enter(emu_fiber *f);
void emu_fiber_leave();

/* Any address will do; two marks are one mark if they are equal. */
void emu_done(const void *mark);
void emu_after(const void *mark);

/* Whether the threads of a block are to be told from each other: each has a fiber of its own. */
#if defined(EMU_TSAN)
#define EMU_ONE_FIBER_A_THREAD 1
#else
#define EMU_ONE_FIBER_A_THREAD 0
#endif

#endif
