/* index.c - a hash table with open addressing. */
#include "base/index.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a. */
static uint64_t hash_of(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

/* The entry of a text, or the free one where it belongs; there is a free one. */
static struct kp_index_entry *entry_of(const struct kp_index *x, const char *text)
{
    const uint64_t mask = (uint64_t)x->room - 1;
    uint64_t at = hash_of(text) & mask;

    while (x->v[at].text && strcmp(x->v[at].text, text) != 0)
        at = (at + 1) & mask;
    return &x->v[at];
}

void kp_index_finish(struct kp_index *x)
{
    free(x->v);
    *x = (struct kp_index){0};
}

int64_t kp_index_find(const struct kp_index *x, const char *text)
{
    const struct kp_index_entry *e = x->room > 0 ? entry_of(x, text) : NULL;

    return e && e->text ? e->number : -1;
}

static bool grow(struct kp_index *x)
{
    struct kp_index more = {.count = x->count, .room = x->room > 0 ? 2 * x->room : 64};

    more.v = calloc((size_t)more.room, sizeof(*more.v));
    if (!more.v)
        return false;
    for (int64_t i = 0; i < x->room; i++)
        if (x->v[i].text)
            *entry_of(&more, x->v[i].text) = x->v[i];
    free(x->v);
    *x = more;
    return true;
}

bool kp_index_put(struct kp_index *x, const char *text, int64_t number)
{
    if (2 * (x->count + 1) > x->room && !grow(x))
        return false;
    struct kp_index_entry *e = entry_of(x, text);
    x->count += !e->text;
    *e = (struct kp_index_entry){text, number};
    return true;
}
