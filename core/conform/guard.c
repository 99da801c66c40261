/* guard.c - memory that notices what is done to it. */
#include "conform/guard.h"

#include "conform/slate.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALIGNMENT  16 /* of any type */
#define SLACK_BYTE 0xc5
#define KNOWN_MAX  256

struct kp_guard {
    struct kp_guard *next; /* of the same owner */
    const char *name;
    uint8_t *pages; /* one without access, then `inner` bytes, then one without access */
    size_t page, inner;
    uint8_t *memory; /* [bytes] */
    size_t bytes;
    bool sealed;
};

/* Guards of the process, for the handler of SIGSEGV; those beyond are not named. Atomic and without
 * a lock, which would hide races of the plugin from a tool that watches threads. */
static _Atomic(struct kp_guard *) known[KNOWN_MAX];
static struct kp_slate *watched;

static void learn(struct kp_guard *g)
{
    for (int i = 0; i < KNOWN_MAX; i++) {
        struct kp_guard *none = NULL;
        if (atomic_compare_exchange_strong(&known[i], &none, g))
            return;
    }
}

static void forget(struct kp_guard *g)
{
    for (int i = 0; i < KNOWN_MAX; i++) {
        struct kp_guard *mine = g;
        if (atomic_compare_exchange_strong(&known[i], &mine, NULL))
            return;
    }
}

void *kp_guard_alloc(struct kp_guards *owner, const char *name, size_t bytes, int pattern)
{
    struct kp_guard *g = calloc(1, sizeof(*g));
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (!g || bytes > SIZE_MAX / 4) {
        free(g);
        return NULL;
    }
    g->name = name;
    g->page = page;
    g->bytes = bytes;
    g->inner = (bytes / page + 1) * page;
    g->pages = mmap(NULL, g->inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->pages == MAP_FAILED) {
        free(g);
        return NULL;
    }
    if (mprotect(g->pages + page, g->inner, PROT_READ | PROT_WRITE) != 0) {
        (void)munmap(g->pages, g->inner + 2 * page);
        free(g);
        return NULL;
    }
    g->memory = g->pages + page + g->inner - (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memset(g->pages + page, SLACK_BYTE, g->inner);
    memset(g->memory, pattern, bytes);
    g->next = owner->last;
    owner->last = g;
    learn(g);
    return g->memory;
}

void kp_guard_seal(struct kp_guards *owner, const void *memory, bool sealed)
{
    for (struct kp_guard *g = owner->last; g; g = g->next)
        if (g->memory == memory) {
            g->sealed = sealed;
            (void)mprotect(g->pages + g->page, g->inner,
                           sealed ? PROT_READ : PROT_READ | PROT_WRITE);
        }
}

static bool is_slack(const uint8_t *p, const uint8_t *end)
{
    for (; p < end; p++)
        if (*p != SLACK_BYTE)
            return false;
    return true;
}

enum kp_status kp_guards_check(const struct kp_guards *owner, struct kp_error *e)
{
    for (const struct kp_guard *g = owner->last; g; g = g->next) {
        const uint8_t *first = g->pages + g->page, *end = first + g->inner;
        bool before = !is_slack(first, g->memory);

        if (before || !is_slack(g->memory + g->bytes, end))
            return kp_fail(e, KP_E_INVALID, "it wrote %s the %zu bytes of %s",
                           before ? "before" : "behind", g->bytes, g->name);
    }
    return KP_OK;
}

void kp_guards_finish(struct kp_guards *owner)
{
    while (owner->last) {
        struct kp_guard *g = owner->last;

        owner->last = g->next;
        forget(g);
        (void)munmap(g->pages, g->inner + 2 * g->page);
        free(g);
    }
}

/* Appends without any function that a signal handler may not call. */
static void append(char *out, size_t size, const char *text)
{
    size_t n = 0;

    while (n + 1 < size && out[n])
        n++;
    while (n + 1 < size && *text)
        out[n++] = *text++;
    out[n] = '\0';
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    const uint8_t *at = info->si_addr;
    char *fault = watched->fault;

    (void)context;
    for (int i = 0; i < KNOWN_MAX && !*fault; i++) {
        const struct kp_guard *g = atomic_load(&known[i]);

        if (!g || at < g->pages || at >= g->pages + g->inner + 2 * g->page)
            continue;
        append(fault, sizeof(watched->fault),
               at < g->memory               ? "it reached before "
               : at >= g->memory + g->bytes ? "it reached behind the end of "
               : g->sealed                  ? "it wrote to "
                                            : "it touched ");
        append(fault, sizeof(watched->fault), g->name);
        if (g->sealed && at >= g->memory && at < g->memory + g->bytes)
            append(fault, sizeof(watched->fault), ", which it must not change");
    }
    /* Its action is the default again: the process dies of it when this returns. */
    if (info->si_code <= 0)
        (void)raise(signal);
}

void kp_guard_watch(struct kp_slate *slate)
{
    struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | (int)SA_RESETHAND};

    watched = slate;
    (void)sigemptyset(&a.sa_mask);
    (void)sigaction(SIGSEGV, &a, NULL);
    (void)sigaction(SIGBUS, &a, NULL);
}
