// memory.cpp - device memory that the host cannot touch and that kernels cannot leave.
#include "fiber.h"
#include "machine.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

static const size_t page = 4096;
// ThreadSanitizer's own tables of it would be several times as large.
static const size_t reserve = (size_t)1 << (EMU_ONE_FIBER_A_THREAD ? 36 : 40);
static const size_t large_bytes = (size_t)4 << 20;
static const unsigned char fresh = 0xff, watched = 0xa5;

struct allocation {
    size_t bytes, pages; // pages: in bytes
};

static char *base, *top; // addresses are never used twice
static std::map<const char *, allocation> &live = *new std::map<const char *, allocation>;
static size_t in_use;
static int open_depth;
static const char *working = "";
static thread_local bool forbidden;

void emu_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    std::fputs("cuda-emu: ", stderr);
    std::vfprintf(stderr, format, args);
    std::fputc('\n', stderr);
    va_end(args);
    std::abort();
}

int64_t emu_setting(const char *name, int64_t otherwise)
{
    const char *text = std::getenv(name);

    return text && *text ? std::strtoll(text, nullptr, 10) : otherwise;
}

void emu_forbid()
{
    forbidden = true;
}

std::unique_lock<std::recursive_mutex> emu_lock()
{
    static std::recursive_mutex &mutex = *new std::recursive_mutex;

    if (forbidden)
        emu_die("a call of CUDA in a host function of a stream");
    return std::unique_lock<std::recursive_mutex>(mutex);
}

static void fault(int, siginfo_t *info, void *)
{
    const char *at = (const char *)info->si_addr;
    char text[256];

    if (base && at >= base && at < base + reserve) {
        const int length = std::snprintf(
            text, sizeof(text), "cuda-emu: %s%s %p\n", open_depth > 0 ? working : "the host",
            open_depth > 0 ? " touches memory outside of every live allocation:"
                           : " touches device memory:",
            (const void *)at);
        (void)!write(STDERR_FILENO, text, (size_t)length);
    }
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

static void begin()
{
    struct sigaction action = {};

    base = (char *)mmap(nullptr, reserve, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                        -1, 0);
    if (base == MAP_FAILED)
        emu_die("no addresses for the device's memory");
    top = base;
    action.sa_sigaction = fault;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
}

static void protect(const char *p, const allocation &a, int how)
{
    if (mprotect((void *)(uintptr_t)p, a.pages, how) != 0)
        emu_die("mprotect failed on device memory");
}

void emu_memory_open()
{
    if (open_depth++ == 0)
        for (const auto &a : live)
            protect(a.first, a.second, PROT_READ | PROT_WRITE);
}

// Whether something wrote behind the end of an allocation.
static void check_end(const char *p, const allocation &a)
{
    for (size_t i = a.bytes; i < a.pages; i++)
        if ((unsigned char)p[i] != watched)
            emu_die("%s wrote %zu bytes behind an allocation of %zu", working, i - a.bytes + 1,
                    a.bytes);
}

void emu_memory_close()
{
    if (--open_depth > 0)
        return;
    for (const auto &a : live) {
        check_end(a.first, a.second);
        protect(a.first, a.second, PROT_NONE);
    }
    working = "";
}

void emu_memory_closed_for(const std::function<void()> &what)
{
    const int depth = std::exchange(open_depth, 1);

    emu_memory_close();
    what();
    emu_memory_open();
    open_depth = depth;
}

void *emu_memory_alloc(size_t bytes)
{
    if (!base)
        begin();
    const allocation a = {bytes, (bytes / page + 1) * page};

    if (in_use + bytes > emu_memory_total())
        return nullptr;
    if (top + a.pages + page > base + reserve)
        emu_die("the device's addresses are used up");
    char *p = top;
    top += a.pages + page;
    in_use += bytes;
    protect(p, a, PROT_READ | PROT_WRITE);
    // Most pages of a large block stay untouched, which makes opening and closing it cheap.
    std::memset(p, fresh, a.bytes < large_bytes ? a.bytes : page);
    std::memset(p + a.bytes, watched, a.pages - a.bytes);
    if (open_depth == 0)
        protect(p, a, PROT_NONE);
    live[p] = a;
    return p;
}

void emu_memory_free(void *p)
{
    const auto found = live.find((const char *)p);

    if (found == live.end())
        emu_die("cudaFree(%p): not the beginning of a live allocation", p);
    const allocation a = found->second;
    protect(found->first, a, PROT_READ);
    check_end(found->first, a);
    protect(found->first, a, PROT_NONE);
    madvise(p, a.pages, MADV_DONTNEED);
    in_use -= a.bytes;
    live.erase(found);
}

size_t emu_memory_total()
{
    return (size_t)emu_setting("KAPPA_EMU_MEMORY", (int64_t)8 << 30);
}

size_t emu_memory_left()
{
    return emu_memory_total() - in_use;
}

bool emu_is_device(const void *p)
{
    return base && (const char *)p >= base && (const char *)p < base + reserve;
}

void emu_need(const char *function, const char *argument, const void *p, size_t bytes)
{
    auto found = live.upper_bound((const char *)p);

    if (bytes == 0)
        return;
    if (!emu_is_device(p))
        emu_die("%s: %s is no device memory (%p)", function, argument, p);
    if (found == live.begin())
        emu_die("%s: %s lies in no live allocation (%p)", function, argument, p);
    --found;
    const size_t at = (size_t)((const char *)p - found->first);
    if (at >= found->second.bytes)
        emu_die("%s: %s lies in no live allocation (%p)", function, argument, p);
    if (found->second.bytes - at < bytes)
        emu_die("%s: %s needs %zu bytes, its allocation has %zu from there on", function, argument,
                bytes, found->second.bytes - at);
}

void emu_memory_working(const char *kernel)
{
    working = kernel;
}

int64_t emu_memory_live()
{
    return (int64_t)live.size();
}
