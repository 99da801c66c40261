/* option.h - settings as a table: the host parses, checks, stores and documents them. */
#ifndef KAPPA_OPTION_H
#define KAPPA_OPTION_H

#include "kappa/abi.h"

enum kp_option_type {
    KP_OPT_INT = 1,    /* int64_t */
    KP_OPT_REAL = 2,   /* double */
    KP_OPT_BOOL = 3,   /* bool */
    KP_OPT_STRING = 4, /* const char *, owned by the host, never NULL */
    KP_OPT_ENUM = 5,   /* int, the index of the word in `words` */
    KP_OPT_INTS = 6,   /* struct kp_ints */
    KP_OPT_REALS = 7,  /* struct kp_reals */
};

/* Lists, written with spaces between: channels = 20 40 80 160. Owned by the host. */
struct kp_ints {
    int64_t count;
    const int64_t *v;
};

struct kp_reals {
    int64_t count;
    const double *v;
};

/* One setting. Every default is text, parsed and checked like the user's own value. */
struct kp_option {
    const char *name; /* INI key, [a-z0-9_]+ */
    enum kp_option_type type;
    size_t offset;            /* of the field in the struct that is filled */
    const char *fallback;     /* the default; NULL: the key must be given */
    double min, max;          /* inclusive; of each element for lists; unused for text */
    const char *const *words; /* of an enum, ends with NULL */
    const char *doc;          /* one line, with the unit: "learning rate, per update" */
};

/* `size` is sizeof(struct kp_option) as the table's owner was compiled, so that options can grow.
 */
struct kp_option_table {
    const struct kp_option *v;
    uint32_t count;
    uint32_t size;
};

#define KP_OPTIONS(array)                                               \
    {                                                                   \
        (array), sizeof(array) / sizeof((array)[0]), sizeof((array)[0]) \
    }

/* offsetof() that does not compile if the field has another type. */
#ifdef __cplusplus
#define KP_FIELD(S, field, type) offsetof(S, field)
#else
#define KP_FIELD(S, field, type) \
    (offsetof(S, field) + 0 * sizeof(char[_Generic(((S *)0)->field, type : 1, default : -1)]))
#endif

#define KP_INT(S, field, key, def, lo, hi, doc)                              \
    {                                                                        \
        key, KP_OPT_INT, KP_FIELD(S, field, int64_t), def, lo, hi, NULL, doc \
    }
#define KP_REAL(S, field, key, def, lo, hi, doc)                             \
    {                                                                        \
        key, KP_OPT_REAL, KP_FIELD(S, field, double), def, lo, hi, NULL, doc \
    }
#define KP_BOOL(S, field, key, def, doc)                                 \
    {                                                                    \
        key, KP_OPT_BOOL, KP_FIELD(S, field, bool), def, 0, 1, NULL, doc \
    }
#define KP_STRING(S, field, key, def, doc)                                         \
    {                                                                              \
        key, KP_OPT_STRING, KP_FIELD(S, field, const char *), def, 0, 0, NULL, doc \
    }
#define KP_ENUM(S, field, key, def, words, doc)                          \
    {                                                                    \
        key, KP_OPT_ENUM, KP_FIELD(S, field, int), def, 0, 0, words, doc \
    }
#define KP_INTS(S, field, key, def, lo, hi, doc)                                     \
    {                                                                                \
        key, KP_OPT_INTS, KP_FIELD(S, field, struct kp_ints), def, lo, hi, NULL, doc \
    }
#define KP_REALS(S, field, key, def, lo, hi, doc)                                      \
    {                                                                                  \
        key, KP_OPT_REALS, KP_FIELD(S, field, struct kp_reals), def, lo, hi, NULL, doc \
    }

#endif
