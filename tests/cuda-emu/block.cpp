// block.cpp - the threads of a block, each on a stack of its own, in turns on one processor.
//
// A thread runs until it ends or waits. Waiting threads go on when all that they wait for have
// come; if nobody can go on, the kernel is wrong.
#include "machine.h"
#include "shim.h"

#include <sys/mman.h>
#include <utility>
#include <vector>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#undef threadIdx
#undef blockIdx
#undef blockDim
#undef gridDim

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

enum state { NEW, READY, AT_BARRIER, AT_EXCHANGE, ENDED };

static const size_t stack_bytes = 128 * 1024;

struct stack {
    char *memory;
    void *end;  // where it goes on
    void *fake; // ASan's
};

struct thread {
    emu_place place;
    state at;
    stack *on; // while it waits
    const void *site;
    unsigned mask, source;
    uint64_t value;
};

static std::vector<thread> &threads = *new std::vector<thread>;
static std::vector<stack *> &idle = *new std::vector<stack *>;
static std::vector<unsigned> &order = *new std::vector<unsigned>; // in which threads begin
static size_t begun;                                              // of `order`
static thread *current;
static stack *running;
static stack scheduler;
static const char *kernel_name;
static const std::function<void()> *kernel_body;
[[maybe_unused]] static const void *scheduler_stack; // ASan's
[[maybe_unused]] static size_t scheduler_size;

const emu_place &emu_here()
{
    return current->place;
}

static unsigned number_of(const thread &t)
{
    return (unsigned)(&t - threads.data());
}

static uint64_t random_below(uint64_t *seed, uint64_t n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % n;
}

static void to_scheduler(bool ends)
{
    stack *own = running;

#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(ends ? nullptr : &own->fake, scheduler_stack, scheduler_size);
#else
    (void)ends;
#endif
    emu_switch(&own->end, scheduler.end);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(own->fake, &scheduler_stack, &scheduler_size);
#endif
}

// Of every stack: runs threads that have not begun until none is left.
static void stack_main()
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_size);
#endif
    for (;;) {
        while (begun < order.size()) {
            current = &threads[order[begun++]];
            (*kernel_body)();
            current->at = ENDED;
        }
        idle.push_back(running);
        to_scheduler(false);
    }
}

static stack *new_stack()
{
    stack *s = new stack();

    s->memory = (char *)mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (s->memory == MAP_FAILED)
        emu_die("no memory for the stack of a thread");
    // What emu_switch() takes off: six registers and where to go on; then an aligned stack.
    void **end = (void **)(s->memory + stack_bytes - 64);
    *--end = nullptr;
    *--end = (void *)stack_main;
    for (int i = 0; i < 6; i++)
        *--end = nullptr;
    s->end = end;
    return s;
}

static void resume(stack *s)
{
    running = s;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&scheduler.fake, s->memory, stack_bytes);
#endif
    emu_switch(&scheduler.end, s->end);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(scheduler.fake, nullptr, nullptr);
#endif
}

static void wait_as(state at)
{
    thread *own = current;

    own->at = at;
    own->on = running;
    to_scheduler(false);
    current = own;
}

void emu_barrier(const void *site)
{
    current->site = site;
    wait_as(AT_BARRIER);
}

uint64_t emu_exchange(unsigned mask, uint64_t value, unsigned source)
{
    thread *own = current;

    if (!(mask >> own->place.lane & 1))
        emu_die("%s: lane %u shuffles with a mask %08x that leaves it out", kernel_name,
                own->place.lane, mask);
    if (source > 31 || !(mask >> source & 1))
        emu_die("%s: lane %u shuffles with lane %u, which its mask %08x leaves out", kernel_name,
                own->place.lane, source, mask);
    own->mask = mask;
    own->source = source;
    own->value = value;
    wait_as(AT_EXCHANGE);
    return own->value;
}

// The exchange that t waits in, if all of its lanes have come.
static bool finish_exchange(const thread &t)
{
    const unsigned first = number_of(t) / 32 * 32, mask = t.mask;
    uint64_t values[32] = {};

    for (unsigned lane = 0; lane < 32; lane++) {
        if (!(mask >> lane & 1))
            continue;
        if (first + lane >= threads.size() || threads[first + lane].at == ENDED)
            emu_die("%s: thread %u waits in a shuffle for lane %u, which has ended", kernel_name,
                    number_of(t), lane);
        const thread &other = threads[first + lane];
        if (other.at != AT_EXCHANGE || other.mask != mask)
            return false;
        values[lane] = other.value;
    }
    for (unsigned lane = 0; lane < 32; lane++)
        if (mask >> lane & 1) {
            threads[first + lane].value = values[threads[first + lane].source];
            threads[first + lane].at = READY;
        }
    return true;
}

// The barrier, if all threads that have not ended wait there.
static bool finish_barrier()
{
    const thread *first = nullptr;

    for (const thread &t : threads) {
        if (t.at == ENDED)
            continue;
        if (t.at != AT_BARRIER)
            return false;
        if (first && first->site != t.site)
            emu_die("%s: threads %u and %u wait at different barriers", kernel_name,
                    number_of(*first), number_of(t));
        first = &t;
    }
    for (thread &t : threads)
        if (t.at == AT_BARRIER)
            t.at = READY;
    return first != nullptr;
}

static bool finish_any()
{
    bool moved = false;

    for (const thread &t : threads)
        if (t.at == AT_EXCHANGE)
            moved |= finish_exchange(t);
    return moved || finish_barrier();
}

static void run_ready(uint64_t *seed)
{
    std::vector<thread *> ready;

    for (thread &t : threads)
        if (t.at == READY)
            ready.push_back(&t);
    for (size_t i = ready.size(); *seed && i > 1; i--)
        std::swap(ready[i - 1], ready[random_below(seed, i)]);
    for (thread *t : ready) {
        current = t;
        resume(t->on);
    }
}

static void run_block(uint3 block, dim3 blocks, dim3 size, uint64_t *seed)
{
    threads.assign(size.x, thread());
    order.resize(size.x);
    for (unsigned i = 0; i < size.x; i++) {
        threads[i].place = {make_uint3(i, 0, 0), block, size, blocks, i % 32};
        order[i] = i;
    }
    for (size_t i = size.x; *seed && i > 1; i--)
        std::swap(order[i - 1], order[random_below(seed, i)]);
    begun = 0;
    for (;;) {
        if (begun < order.size()) {
            stack *s = idle.empty() ? new_stack() : idle.back();
            if (!idle.empty())
                idle.pop_back();
            resume(s);
            continue;
        }
        run_ready(seed);
        size_t left = 0;
        for (const thread &t : threads)
            left += t.at != ENDED;
        if (left == 0)
            return;
        bool ready = false;
        for (const thread &t : threads)
            ready |= t.at == READY;
        if (!ready && !finish_any())
            emu_die("%s: %zu threads of a block wait for others that never come", kernel_name,
                    left);
    }
}

void emu_grid(const char *kernel, dim3 blocks, dim3 size, const std::function<void()> &body,
              uint64_t *seed)
{
    std::vector<unsigned> turn(blocks.x);

    kernel_name = kernel;
    kernel_body = &body;
    for (unsigned i = 0; i < blocks.x; i++)
        turn[i] = i;
    for (size_t i = blocks.x; *seed && i > 1; i--)
        std::swap(turn[i - 1], turn[random_below(seed, i)]);
    for (unsigned block : turn)
        run_block(make_uint3(block, 0, 0), blocks, size, seed);
}
