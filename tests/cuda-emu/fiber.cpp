// fiber.cpp - the switch between stacks. Never compiled with ThreadSanitizer itself: all fibers
// share what it keeps.
#include "fiber.h"

#include "machine.h"

#include <cstdint>
#include <sys/mman.h>

#if defined(EMU_ASAN)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(EMU_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

#if !defined(__x86_64__)
#error "the switch between stacks is written for x86-64"
#endif

extern "C" void emu_switch(void **save, void *to);
// Saves what a function must keep on the stack, leaves the stack's end in *save, goes on at `to`.
__asm__(".text\n"
        ".globl emu_switch\n"
        ".hidden emu_switch\n"
        ".type emu_switch, @function\n"
        "emu_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size emu_switch, .-emu_switch\n");

struct emu_fiber {
    char *memory;       // nullptr: the stack of a thread of the system
    const void *bottom; // ASan's; of a thread of the system found out when it is left
    size_t bytes;
    void *end; // where it goes on
    void (*main)(void *);
    void *argument;
    emu_fiber *entered_from;
    [[maybe_unused]] void *fake; // ASan's
    [[maybe_unused]] void *tsan;
};

// All of it under emu_lock(), so that one fiber runs at a time.
static thread_local emu_fiber thread_fiber;
static emu_fiber *running; // nullptr: none that was created
[[maybe_unused]] static emu_fiber *left;

// On the new stack.
static void arrive(emu_fiber *f)
{
    (void)f;
#if defined(EMU_ASAN)
    __sanitizer_finish_switch_fiber(f->fake, &left->bottom, &left->bytes);
#endif
}

static void change(emu_fiber *from, emu_fiber *to)
{
    left = from;
    running = to->memory ? to : nullptr;
#if defined(EMU_ASAN)
    __sanitizer_start_switch_fiber(&from->fake, to->bottom, to->bytes);
#endif
#if defined(EMU_TSAN)
    __tsan_switch_to_fiber(to->tsan, __tsan_switch_to_fiber_no_sync);
#endif
    emu_switch(&from->end, to->end);
    arrive(from);
}

static void begin()
{
    arrive(running);
    running->main(running->argument);
    emu_die("a fiber has come to its end");
}

emu_fiber *emu_fiber_create(size_t stack_bytes, void (*main)(void *), void *argument)
{
    emu_fiber *f = new emu_fiber();

    f->memory = (char *)mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (f->memory == MAP_FAILED)
        emu_die("no memory for the stack of a fiber");
    f->bottom = f->memory;
    f->bytes = stack_bytes;
    f->main = main;
    f->argument = argument;
    // What emu_switch() takes off: six registers and where to go on; then an aligned stack.
    void **end = (void **)(f->memory + stack_bytes - 64);
    *--end = nullptr;
    *--end = (void *)begin;
    for (int i = 0; i < 6; i++)
        *--end = nullptr;
    f->end = end;
#if defined(EMU_TSAN)
    f->tsan = __tsan_create_fiber(0);
#endif
    return f;
}

void emu_fiber_destroy(emu_fiber *f)
{
#if defined(EMU_TSAN)
    __tsan_destroy_fiber(f->tsan);
#endif
    munmap(f->memory, f->bytes);
    delete f;
}

void emu_fiber_enter(emu_fiber *f)
{
    emu_fiber *from = running ? running : &thread_fiber;

#if defined(EMU_TSAN)
    if (!running)
        thread_fiber.tsan = __tsan_get_current_fiber();
#endif
    f->entered_from = from;
    change(from, f);
}

void emu_fiber_leave()
{
    change(running, running->entered_from);
}

void emu_done([[maybe_unused]] const void *mark)
{
#if defined(EMU_TSAN)
    __tsan_release((void *)(uintptr_t)mark);
#endif
}

void emu_after([[maybe_unused]] const void *mark)
{
#if defined(EMU_TSAN)
    __tsan_acquire((void *)(uintptr_t)mark);
#endif
}
