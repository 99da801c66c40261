/* arena.h - memory that is released all at once. */
#ifndef KP_BASE_ARENA_H
#define KP_BASE_ARENA_H

#include <stddef.h>

/* Zero-initialise it, then allocate. Not for several threads at once. */
struct kp_arena {
    struct kp_arena_block *last;
};

/* Zeroed, aligned for any type, alive until kp_arena_finish(). NULL if out of memory, or if
 * count * size overflows. */
void *kp_arena_alloc(struct kp_arena *a, size_t count, size_t size);
char *kp_arena_strdup(struct kp_arena *a, const char *text);
void kp_arena_finish(struct kp_arena *a);

#define kp_arena_new(a, type, count) ((type *)kp_arena_alloc((a), (size_t)(count), sizeof(type)))

/* Large zeroed memory in pages of its own, huge ones asked for, 64-byte aligned. NULL on failure.
 * Freed with the same size. */
void *kp_pages_alloc(size_t bytes);
void kp_pages_free(void *p, size_t bytes);

#endif
