// block.cpp - the threads of a block, in turns on one processor.
//
// A thread runs until it ends or waits. Waiting threads go on when all that they wait for have
// come; if nobody can go on, the kernel is wrong. Blocks run one after the other, also those of
// different streams: their shared variables are the same memory.
#include "fiber.h"
#include "machine.h"
#include "shim.h"

#include <utility>
#include <vector>

#undef threadIdx
#undef blockIdx
#undef blockDim
#undef gridDim

enum state { NEW, READY, AT_BARRIER, AT_EXCHANGE, ENDED };

static const size_t stack_bytes = 128 * 1024;
static const unsigned warps_max = 1024 / 32;

struct thread {
    emu_place place;
    state at;
    emu_fiber *on; // while it waits
    const void *site;
    unsigned mask, source;
    uint64_t value;
    unsigned barriers, exchanges; // that it came to
};

static std::vector<thread> &threads = *new std::vector<thread>;
static std::vector<emu_fiber *> &fibers = *new std::vector<emu_fiber *>; // of each thread
static std::vector<unsigned> &order = *new std::vector<unsigned>;        // in which threads begin
static size_t begun;                                                     // of `order`
static thread *current;
static emu_fiber *running;
static const char *kernel_name;
static const std::function<void()> *kernel_body;

// Marks. Two of each: a thread may come to the next one before another has gone on from the last.
static const char block_begins = 0, block_ends = 0;
static const char at_barrier[2] = {}, at_exchange[warps_max][2] = {};

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

// Of every fiber: runs the thread that begins next, and where nobody asks which thread is which,
// those behind it too, until none is left.
static void fiber_main(void *)
{
    for (;;) {
        do {
            current = &threads[order[begun++]];
            emu_after(&block_begins);
            (*kernel_body)();
            emu_done(&block_ends);
            current->at = ENDED;
        } while (!EMU_ONE_FIBER_A_THREAD && begun < order.size());
        emu_fiber_leave();
    }
}

static emu_fiber *fiber_of(size_t number)
{
    while (fibers.size() <= number)
        fibers.push_back(emu_fiber_create(stack_bytes, fiber_main, nullptr));
    return fibers[number];
}

static void resume(emu_fiber *f)
{
    running = f;
    emu_fiber_enter(f);
}

static void wait_as(state at, const char *mark)
{
    thread *t = current;

    t->at = at;
    t->on = running;
    emu_done(mark);
    emu_fiber_leave();
    emu_after(mark);
    current = t;
}

void emu_barrier(const void *site)
{
    current->site = site;
    wait_as(AT_BARRIER, &at_barrier[current->barriers++ % 2]);
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
    wait_as(AT_EXCHANGE, &at_exchange[number_of(*own) / 32][own->exchanges++ % 2]);
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
    bool gone = false;

    for (const thread &t : threads) {
        gone |= t.at == ENDED;
        if (t.at == ENDED)
            continue;
        if (t.at != AT_BARRIER)
            return false;
        if (first && first->site != t.site)
            emu_die("%s: threads %u and %u wait at different barriers", kernel_name,
                    number_of(*first), number_of(t));
        first = &t;
    }
    if (first && gone) {
        // Those that have ended count as having come.
        emu_after(&block_ends);
        emu_done(&at_barrier[(first->barriers - 1) % 2]);
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
    emu_done(&block_begins);
    for (;;) {
        if (begun < order.size()) {
            resume(fiber_of(order[begun]));
            continue;
        }
        run_ready(seed);
        size_t left = 0;
        for (const thread &t : threads)
            left += t.at != ENDED;
        if (left == 0) {
            emu_after(&block_ends);
            return;
        }
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
