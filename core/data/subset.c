/* subset.c - which examples a run trains on. */
#include "data/subset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOTAL_MAX (INT64_C(1) << 32)

static const char sample_algorithm[] = "philox4x32-10/sample/1";
static const char endless_algorithm[] = "philox4x32-10/piece/1";
static const char first_algorithm[] = "first/1";

/* Choices that teacher and students share differ in the key's epoch. */
enum { SHARED_DEV = 0, SHARED_POOL = 1 };

/* To which part an example belongs. */
enum { FREE = 0, DEV = 1, POOL = 2 };

static const char *const pool_names[] = {"fresh", "subset", "disjoint"};

static enum kp_status fail_memory(struct kp_error *e, int64_t count)
{
    return kp_fail(e, KP_E_NOMEM, "no memory for a choice of %lld examples", (long long)count);
}

/* Draw m of the examples that `from` lists, into a new array, in drawing order. */
static enum kp_status draw(struct kp_rng_key key, const int64_t *from, int64_t n, int64_t m,
                           int64_t **out, struct kp_error *e)
{
    int64_t *index = malloc((size_t)(m ? m : 1) * sizeof *index);

    if (!index || kp_rng_sample(key, n, m, index)) {
        free(index);
        return fail_memory(e, m);
    }
    for (int64_t i = 0; i < m; i++)
        index[i] = from[index[i]];
    *out = index;
    return KP_OK;
}

/* The examples whose part is in `parts` (bits 1 << part), ascending, into list; their number. */
static int64_t collect(const uint8_t *part, int64_t total, unsigned parts, int64_t *list)
{
    int64_t n = 0;

    for (int64_t i = 0; i < total; i++)
        if (parts >> part[i] & 1)
            list[n++] = i;
    return n;
}

static void mark(uint8_t *part, const int64_t *index, int64_t count, uint8_t value)
{
    for (int64_t i = 0; i < count; i++)
        part[index[i]] = value;
}

static enum kp_status hash_index(const int64_t *index, int64_t count, char out[KP_HASH_SIZE],
                                 struct kp_error *e)
{
    uint8_t *bytes = malloc((size_t)(count ? count : 1) * 8);

    if (!bytes)
        return fail_memory(e, count);
    for (int64_t i = 0; i < count; i++)
        for (int b = 0; b < 8; b++)
            bytes[8 * i + b] = (uint8_t)((uint64_t)index[i] >> 8 * b);
    kp_hash_bytes(bytes, (size_t)count * 8, out);
    free(bytes);
    return KP_OK;
}

static enum kp_status hash_parts(struct kp_subset *s, struct kp_error *e)
{
    enum kp_status st = hash_index(s->dev_index, s->dev_count, s->dev_sha256, e);

    return st ? st : hash_index(s->index, s->count, s->sha256, e);
}

static enum kp_status check(const struct kp_subset_config *c, int64_t *dev_count,
                            int64_t *pool_count, struct kp_error *e)
{
    if (c->total < 1 || c->total > TOTAL_MAX)
        return kp_fail(e, KP_E_CONFIG, "%lld training examples; 1 to %lld would be right",
                       (long long)c->total, (long long)TOTAL_MAX);
    if (!(c->dev >= 0 && c->dev < 1))
        return kp_fail(e, KP_E_CONFIG, "dev = %g; a share from 0 to below 1 would be right",
                       c->dev);
    int64_t dev = llround(c->dev * (double)c->total);
    int64_t left = c->total - dev;
    if (left < 1)
        return kp_fail(e, KP_E_CONFIG,
                       "dev = %g leaves none of the %lld training examples; a smaller share would "
                       "be right",
                       c->dev, (long long)c->total);
    if (c->n_teacher < 0 || c->n_teacher > left)
        return kp_fail(e, KP_E_CONFIG,
                       "n_teacher = %lld: the training split has %lld examples, %lld of them left "
                       "beside the development split; 1 to %lld would be right, or 0 for all",
                       (long long)c->n_teacher, (long long)c->total, (long long)left,
                       (long long)left);
    *dev_count = dev;
    *pool_count = c->n_teacher ? c->n_teacher : left;
    return KP_OK;
}

/* The student's draw from the examples that `part` allows. */
static enum kp_status draw_student(const struct kp_subset_config *c, const uint8_t *part,
                                   int64_t *list, int64_t **index, struct kp_error *e)
{
    static const unsigned parts[] = {1 << FREE | 1 << POOL, 1 << POOL, 1 << FREE};

    int64_t n = collect(part, c->total, parts[c->pool], list);
    if (n == 0)
        return kp_fail(e, KP_E_CONFIG,
                       "student_pool = %s: the teacher's pool takes all examples, none are left; a "
                       "smaller n_teacher, or student_pool = fresh or subset, would be right",
                       pool_names[c->pool]);
    if (c->m < 1 || c->m > n)
        return kp_fail(e, KP_E_CONFIG,
                       "M = %lld student examples, but the pool they come from (student_pool = %s) "
                       "has %lld; 1 to %lld would be right",
                       (long long)c->m, pool_names[c->pool], (long long)n, (long long)n);
    struct kp_rng_key key = {
        .seed = c->seed_subset,
        .role = KP_ROLE_STUDENT,
        .stream = KP_STREAM_SUBSET,
        .epoch = c->nested ? 0 : (uint32_t)c->m,
    };
    return draw(key, list, n, c->m, index, e);
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Numbers first .. first + count. */
struct piece {
    int64_t first, count;
};

static int64_t shared(struct piece a, struct piece b)
{
    const int64_t first = a.first > b.first ? a.first : b.first;
    const int64_t a_end = a.first + a.count, b_end = b.first + b.count;
    const int64_t end = a_end < b_end ? a_end : b_end;

    return end > first ? end - first : 0;
}

/* A piece of the numbers, apart from two others. It begins in the first half and all pieces
 * together are at most a quarter, so it fits, and few draws are needed. The beginning does not
 * depend on its length: a shorter one is a prefix. */
static struct piece place(struct kp_rng_key key, int64_t total, int64_t count, struct piece a,
                          struct piece b)
{
    struct piece p = {0, count};

    for (uint32_t i = 0; count > 0; i++) {
        p.first = (int64_t)kp_rng_below(key, 0, i, (uint64_t)(total / 2));
        if (shared(p, a) == 0 && shared(p, b) == 0)
            break;
    }
    return p;
}

static enum kp_status list_piece(struct piece p, int64_t **out, struct kp_error *e)
{
    int64_t *v = malloc((size_t)(p.count + 1) * sizeof *v);

    if (!v)
        return fail_memory(e, p.count);
    for (int64_t i = 0; i < p.count; i++)
        v[i] = p.first + i;
    *out = v;
    return KP_OK;
}

static enum kp_status draw_endless(const struct kp_subset_config *c, struct kp_subset *s,
                                   struct kp_error *e)
{
    const int64_t dev_count = llround(c->dev * (double)c->n_teacher);
    const bool teacher = c->role == KP_ROLE_TEACHER;
    const int64_t own_count = teacher ? c->n_teacher : c->m;
    struct kp_rng_key shared_key = {
        .seed = c->seed_pool, .role = KP_ROLE_POOL, .stream = KP_STREAM_SUBSET};
    struct kp_rng_key key = {.seed = c->seed_subset,
                             .role = KP_ROLE_STUDENT,
                             .stream = KP_STREAM_SUBSET,
                             .epoch = c->nested ? 0 : (uint32_t)c->m};
    const struct piece none = {0, 0};
    int64_t *pool_list = NULL;
    enum kp_status st;

    if (!(c->dev >= 0 && c->dev < 1) || c->n_teacher < 1 || own_count < 1 ||
        own_count > c->total / 4 - dev_count - c->n_teacher)
        return kp_fail(e, KP_E_CONFIG,
                       "N = %lld, M = %lld and dev = %g: together at most a quarter of the %lld "
                       "numbers of an endless data set, and at least one each",
                       (long long)c->n_teacher, (long long)own_count, c->dev, (long long)c->total);
    if (!teacher && c->pool == KP_POOL_SUBSET && c->m > c->n_teacher)
        return kp_fail(e, KP_E_CONFIG,
                       "M = %lld student examples, but the teacher's pool (student_pool = subset) "
                       "has %lld; another student_pool, or a smaller kappa, would be right",
                       (long long)c->m, (long long)c->n_teacher);
    shared_key.epoch = SHARED_DEV;
    const struct piece dev = place(shared_key, c->total, dev_count, none, none);
    shared_key.epoch = SHARED_POOL;
    const struct piece pool = place(shared_key, c->total, c->n_teacher, dev, none);
    const struct piece own =
        teacher ? pool : place(key, c->total, c->m, dev, c->pool == KP_POOL_DISJOINT ? pool : none);

    s->algorithm = endless_algorithm;
    s->dev_count = dev_count;
    s->count = own_count;
    s->overlap = shared(own, pool);
    st = list_piece(dev, &s->dev_index, e);
    if (st == KP_OK && !teacher && c->pool == KP_POOL_SUBSET) {
        s->overlap = c->m;
        st = list_piece(pool, &pool_list, e);
        if (st == KP_OK)
            st = draw(key, pool_list, pool.count, c->m, &s->index, e);
        free(pool_list);
    } else if (st == KP_OK) {
        st = list_piece(own, &s->index, e);
    }
    if (st == KP_OK)
        st = hash_parts(s, e);
    return st;
}

/* The first examples, see subset.h. */
static enum kp_status take_first(const struct kp_subset_config *c, struct kp_subset *s,
                                 struct kp_error *e)
{
    const bool teacher = c->role == KP_ROLE_TEACHER;
    struct piece dev = {0}, pool = {0}, own;
    enum kp_status st = check(c, &dev.count, &pool.count, e);

    if (st)
        return st;
    const int64_t left = c->total - dev.count;
    const int64_t end = c->pool == KP_POOL_SUBSET ? pool.count : left;

    dev.first = left;
    own.first = (c->pool == KP_POOL_DISJOINT ? pool.count : 0) + c->offset;
    own.count = c->m;
    if (teacher)
        own = pool;
    else if (c->offset < 0 || c->m < 1 || c->m > end - own.first)
        return kp_fail(e, KP_E_CONFIG,
                       "M = %lld student examples from number %lld on (student_pool = %s, "
                       "student_offset = %lld), but they end before number %lld; a smaller kappa "
                       "or offset would be right",
                       (long long)c->m, (long long)own.first, pool_names[c->pool],
                       (long long)c->offset, (long long)end);
    s->algorithm = first_algorithm;
    s->dev_count = dev.count;
    s->count = own.count;
    s->overlap = shared(own, pool);
    st = list_piece(dev, &s->dev_index, e);
    if (st == KP_OK)
        st = list_piece(own, &s->index, e);
    if (st == KP_OK)
        st = hash_parts(s, e);
    return st;
}

enum kp_status kp_subset_draw(const struct kp_subset_config *config, struct kp_subset *out,
                              struct kp_error *e)
{
    enum kp_status st;
    struct kp_subset s = {.algorithm = sample_algorithm};
    int64_t *list = NULL, *pool = NULL;
    uint8_t *part = NULL;
    int64_t pool_count = 0;
    struct kp_rng_key key = {
        .seed = config->seed_pool,
        .role = KP_ROLE_POOL,
        .stream = KP_STREAM_SUBSET,
    };

    if (config->first || config->endless) {
        st = config->first ? take_first(config, &s, e) : draw_endless(config, &s, e);
        if (st)
            goto out;
        *out = s;
        return KP_OK;
    }
    st = check(config, &s.dev_count, &pool_count, e);
    if (st)
        return st;
    list = malloc((size_t)config->total * sizeof *list);
    part = calloc((size_t)config->total, 1);
    if (!list || !part) {
        st = fail_memory(e, config->total);
        goto out;
    }

    key.epoch = SHARED_DEV;
    int64_t n = collect(part, config->total, 1 << FREE, list);
    st = draw(key, list, n, s.dev_count, &s.dev_index, e);
    if (st)
        goto out;
    qsort(s.dev_index, (size_t)s.dev_count, sizeof *s.dev_index, ascending);
    mark(part, s.dev_index, s.dev_count, DEV);

    key.epoch = SHARED_POOL;
    n = collect(part, config->total, 1 << FREE, list);
    st = draw(key, list, n, pool_count, &pool, e);
    if (st)
        goto out;
    mark(part, pool, pool_count, POOL);

    if (config->role == KP_ROLE_TEACHER) {
        s.count = pool_count;
        s.index = pool;
        pool = NULL;
    } else {
        st = draw_student(config, part, list, &s.index, e);
        if (st)
            goto out;
        s.count = config->m;
    }
    for (int64_t i = 0; i < s.count; i++)
        s.overlap += part[s.index[i]] == POOL;
    st = hash_parts(&s, e);
    if (st)
        goto out;
    *out = s;
    memset(&s, 0, sizeof s);

out:
    kp_subset_finish(&s);
    free(pool);
    free(part);
    free(list);
    return st;
}

void kp_subset_finish(struct kp_subset *s)
{
    free(s->index);
    free(s->dev_index);
    s->index = s->dev_index = NULL;
    s->count = s->dev_count = 0;
}
