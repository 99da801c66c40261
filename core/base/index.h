/* index.h - finds the number of a text: a hash table. */
#ifndef KP_BASE_INDEX_H
#define KP_BASE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise it. The texts belong to the caller and stay where they are. */
struct kp_index {
    struct kp_index_entry {
        const char *text; /* NULL: free */
        int64_t number;
    } * v;
    int64_t count, room; /* room: a power of two, or 0 */
};

void kp_index_finish(struct kp_index *x);

/* The number of an equal text; -1 if there is none. */
int64_t kp_index_find(const struct kp_index *x, const char *text);

/* Give a text a number >= 0 in place of the one that it had. False if out of memory; then nothing
 * has changed. */
bool kp_index_put(struct kp_index *x, const char *text, int64_t number);

#endif
