/* looks.c - colours, dashes and marks of a figure's curves. */
#include "report/looks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Okabe and Ito (2008), without the yellow that vanishes on white paper. */
static const char *const distinct[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                       "#e69f00", "#56b4e9", "#8c510a"};
enum { DISTINCT = sizeof distinct / sizeof *distinct };

/* Of viridis: rising lightness, so that the order survives printing in grey. */
static const unsigned char ramp[][3] = {
    {68, 1, 84}, {65, 68, 135}, {42, 120, 142}, {34, 168, 132}, {122, 209, 81}};
enum { RAMP = sizeof ramp / sizeof *ramp };

/* Filled; the outlined one of the same shape is the number before. */
static const int marks[] = {7, 5, 9, 13, 11, 15};
enum { MARKS = sizeof marks / sizeof *marks };

#define FAMILY_LEAST 3

/* The name without what follows ", ". */
static size_t base_length(const char *name)
{
    const char *comma = strstr(name, ", ");
    return comma ? (size_t)(comma - name) : strlen(name);
}

/* The base without its last word, if that is a number; else 0. */
static size_t stem_length(const char *name)
{
    size_t n = base_length(name), space = n;
    char *end = NULL;

    while (space > 0 && name[space - 1] != ' ')
        space--;
    if (space == 0)
        return 0;
    (void)strtod(name + space, &end);
    return end == name + n ? space - 1 : 0;
}

static bool same_base(const char *a, const char *b)
{
    size_t n = base_length(a);
    return n == base_length(b) && memcmp(a, b, n) == 0;
}

static bool same_stem(const char *a, const char *b)
{
    size_t n = stem_length(a);
    return n > 0 && n == stem_length(b) && memcmp(a, b, n) == 0;
}

static bool same_suffix(const char *a, const char *b)
{
    return strcmp(a + base_length(a), b + base_length(b)) == 0;
}

static int64_t find_look(const struct kp_looks *l, const char *name)
{
    for (int64_t i = 0; i < l->count; i++)
        if (strcmp(l->v[i].name, name) == 0)
            return i;
    return -1;
}

/* The first look of the same base stands for it. */
static bool first_of_base(const struct kp_looks *l, int64_t i)
{
    for (int64_t k = 0; k < i; k++)
        if (same_base(l->v[k].name, l->v[i].name))
            return false;
    return true;
}

static void set_ramp(struct kp_look *look, int64_t place, int64_t members)
{
    double at = (double)place * (RAMP - 1) / (double)(members - 1);
    int i = at >= RAMP - 1 ? RAMP - 2 : (int)at;
    int c[3];

    for (int k = 0; k < 3; k++)
        c[k] = (int)lround(ramp[i][k] + (at - i) * (ramp[i + 1][k] - ramp[i][k]));
    (void)snprintf(look->colour, sizeof look->colour, "#%02x%02x%02x", c[0] & 0xff, c[1] & 0xff,
                   c[2] & 0xff);
}

/* Colours and marks of those that are first of their base. */
static void set_colours(struct kp_looks *l)
{
    int next = 0, base = 0;

    for (int64_t i = 0; i < l->count; i++) {
        struct kp_look *look = &l->v[i];
        int64_t place = 0, members = 0;

        if (look->mark == KP_MARK_NONE || !first_of_base(l, i))
            continue;
        for (int64_t k = 0; k < l->count; k++)
            if (first_of_base(l, k) && same_stem(l->v[k].name, look->name)) {
                members++;
                place += k < i;
            }
        look->mark = marks[base++ % MARKS];
        if (members >= FAMILY_LEAST)
            set_ramp(look, place, members);
        else if (base_length(look->name) == 2 && memcmp(look->name, "lt", 2) == 0)
            (void)snprintf(look->colour, sizeof look->colour, "#000000");
        else
            (void)snprintf(look->colour, sizeof look->colour, "%s", distinct[next++ % DISTINCT]);
    }
}

/* Dashes by what follows the comma; colour and shape of the base. */
static void set_dashes(struct kp_looks *l)
{
    for (int64_t i = 0; i < l->count; i++) {
        struct kp_look *look = &l->v[i];
        int suffixes = 1;
        int64_t first = 0;

        if (look->mark == KP_MARK_NONE)
            continue;
        while (!same_suffix(l->v[first].name, look->name) || l->v[first].mark == KP_MARK_NONE)
            first++;
        for (int64_t k = 0; k < first; k++) {
            bool new = l->v[k].mark != KP_MARK_NONE;
            for (int64_t j = 0; j < k && new; j++)
                new = !same_suffix(l->v[j].name, l->v[k].name);
            suffixes += new;
        }
        look->dash = suffixes;
        for (int64_t k = 0; k < i; k++)
            if (same_base(l->v[k].name, look->name)) {
                memcpy(look->colour, l->v[k].colour, sizeof look->colour);
                look->mark = l->v[k].mark - (suffixes > 1);
                break;
            }
    }
}

static bool is_reference(const struct kp_rowset *rows, const struct kp_blocks *b, int64_t block)
{
    int n = kp_rowset_column(rows, "n");

    for (int64_t i = 0; i < rows->count && n >= 0; i++)
        if (b->of_row[i] == block && kp_rowset_field(rows, i, n)->kind != KP_FIELD_NULL)
            return false;
    return n >= 0;
}

enum kp_status kp_looks_make(const struct kp_rowset *rows, const struct kp_blocks *b,
                             struct kp_looks *out, struct kp_error *e)
{
    struct kp_looks l = {
        .v = calloc((size_t)b->count + 1, sizeof *l.v),
        .of_block = calloc((size_t)b->count + 1, sizeof *l.of_block),
    };

    if (!l.v || !l.of_block) {
        kp_looks_finish(&l);
        return kp_fail(e, KP_E_NOMEM, "out of memory");
    }
    for (int64_t i = 0; i < b->count; i++) {
        int64_t at = find_look(&l, b->v[i].series);
        if (at < 0) {
            at = l.count++;
            l.v[at] = (struct kp_look){b->v[i].series, "#666666", 2, 0};
            if (is_reference(rows, b, i))
                l.v[at].mark = KP_MARK_NONE;
        }
        l.of_block[i] = at;
    }
    set_colours(&l);
    set_dashes(&l);
    *out = l;
    return KP_OK;
}

void kp_looks_finish(struct kp_looks *l)
{
    free(l->v);
    free(l->of_block);
    *l = (struct kp_looks){0};
}
