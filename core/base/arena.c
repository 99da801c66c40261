/* arena.c - memory that is released all at once, and large memory in pages of its own. */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGN      16u
#define BLOCK_MIN  (16u << 10)
#define HUGE_PAGE  ((size_t)2 << 20)
#define SMALL_PAGE ((size_t)4096)

struct kp_arena_block {
    struct kp_arena_block *previous;
    size_t used, size; /* of the bytes behind the head */
};

#define HEAD ((sizeof(struct kp_arena_block) + ALIGN - 1) / ALIGN * ALIGN)

static struct kp_arena_block *block_new(struct kp_arena *a, size_t bytes)
{
    /* Blocks double, so their number is logarithmic in what is asked for. */
    size_t size = a->last ? a->last->size : BLOCK_MIN / 2;
    size = size < SIZE_MAX / 4 ? 2 * size : size;
    if (size < bytes)
        size = bytes;
    if (size > SIZE_MAX - HEAD)
        return NULL;

    struct kp_arena_block *b = calloc(1, HEAD + size);
    if (!b)
        return NULL;
    b->size = size;
    b->previous = a->last;
    a->last = b;
    return b;
}

void *kp_arena_alloc(struct kp_arena *a, size_t count, size_t size)
{
    if (size && count > (SIZE_MAX - ALIGN) / size)
        return NULL;
    size_t bytes = (count * size + ALIGN - 1) / ALIGN * ALIGN;
    if (!bytes)
        bytes = ALIGN;

    struct kp_arena_block *b = a->last;
    if (!b || b->size - b->used < bytes) {
        b = block_new(a, bytes);
        if (!b)
            return NULL;
    }
    void *p = (char *)b + HEAD + b->used;
    b->used += bytes;
    return p;
}

char *kp_arena_strdup(struct kp_arena *a, const char *text)
{
    size_t n = strlen(text) + 1;
    char *s = kp_arena_alloc(a, n, 1);

    if (s)
        memcpy(s, text, n);
    return s;
}

void kp_arena_finish(struct kp_arena *a)
{
    struct kp_arena_block *b = a->last;

    while (b) {
        struct kp_arena_block *previous = b->previous;
        free(b);
        b = previous;
    }
    a->last = NULL;
}

/* What is mapped for `bytes`: whole huge pages where at least one is filled. 0 on overflow. */
static size_t pages_size(size_t bytes)
{
    size_t unit = bytes >= HUGE_PAGE ? HUGE_PAGE : SMALL_PAGE;

    if (!bytes)
        bytes = 1;
    if (bytes > SIZE_MAX - 2 * HUGE_PAGE)
        return 0;
    return (bytes + unit - 1) / unit * unit;
}

void *kp_pages_alloc(size_t bytes)
{
    size_t size = pages_size(bytes);
    if (!size)
        return NULL;

    /* Map one huge page more than needed and give back what lies around the aligned part. */
    size_t extra = size >= HUGE_PAGE ? HUGE_PAGE : 0;
    void *map =
        mmap(NULL, size + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return NULL;
    if (!extra)
        return map;

    size_t head = (HUGE_PAGE - (uintptr_t)map % HUGE_PAGE) % HUGE_PAGE;
    char *p = (char *)map + head;
    if (head)
        (void)munmap(map, head);
    if (extra > head)
        (void)munmap(p + size, extra - head);
    (void)madvise(p, size, MADV_HUGEPAGE);
    return p;
}

void kp_pages_free(void *p, size_t bytes)
{
    if (p)
        (void)munmap(p, pages_size(bytes));
}
