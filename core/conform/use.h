/* use.h - a definition of any kind in use: opened, run on made-up data, closed. */
#ifndef KP_CONFORM_USE_H
#define KP_CONFORM_USE_H

#include "base/hash.h"
#include "conform/stand.h"
#include "conform/trial.h"

#define KP_SHRUNK_MOST 16

/* Options of a large model in place of their defaults. */
struct kp_shrunk {
    int count;
    struct {
        const char *name;
        char text[32];
    } v[KP_SHRUNK_MOST];
};

/* How. */
struct kp_use {
    const char *device; /* "cpu" or "ref" */
    int64_t batch;
    int64_t classes;
    struct kp_shape input; /* of a model's example */
    enum kp_dtype dtype;   /* of it */
    int variant;           /* of the kind's own */
    int64_t tokens;        /* labels of an example; 0: one that is no sequence */
    const char *option;    /* set to `text` in place of its default; NULL: none */
    const char *text;
    struct kp_shrunk shrunk;
    bool record_only; /* a model is built and recorded, not run: it may be huge */
    bool threaded;    /* beside another thread: the slate belongs to neither */
    int poison;       /* what memory holds that nobody has written */
    int64_t fail_at;  /* the request for memory, or the operation, that fails; 0: none */
    bool *failed;     /* set when that happened; NULL: nobody asks */
    uint64_t seed;
};

/* The same of a kind. */
struct kp_usage {
    const char *kind;

    /* Uses that suit the definition: number `i`, false behind the last. At least one. */
    bool (*choose)(const struct kp_trial *t, int i, struct kp_use *u);

    enum kp_status (*open)(const struct kp_trial *t, const struct kp_use *u, void **out,
                           struct kp_error *e);
    /* Adds all that it computes to the hash. */
    enum kp_status (*run)(void *instance, struct kp_hasher *h, struct kp_error *e);
    void (*close)(void *instance);
    const struct kp_option_table *(*options)(const void *def);

    int64_t busy; /* a batch that keeps a thread busy, */
    int runs;     /* run so often */

    /* Make the use one of odd extents, drawn by number `i`. */
    void (*vary)(int i, struct kp_use *u);
    /* What an instance trains with; NULL: nothing is trained. */
    struct kp_stand *(*stand)(void *instance, struct kp_feed **feed);
    /* Parameters of an instance; NULL: there are never many. */
    int64_t (*params)(const void *instance);
};

extern const struct kp_usage kp_use_model, kp_use_objective, kp_use_metric, kp_use_op,
    kp_use_dataset, kp_use_analysis;

/* Of the trial's kind. */
const struct kp_usage *kp_usage_of(const struct kp_trial *t);

/* Open, run, close; `digest` tells results apart. */
KP_NODISCARD enum kp_status kp_use_once(const struct kp_trial *t, const struct kp_use *u,
                                        char digest[KP_HASH_SIZE], struct kp_error *e);

/* The first use of a definition that it does not refuse, on a device. A model of many parameters is
 * made small by its options as far as it lets itself. */
KP_NODISCARD enum kp_status kp_use_first(const struct kp_trial *t, const char *device,
                                         struct kp_use *out, struct kp_error *e);

/* Devices that the trial may run, NULL behind the last. */
const char *const *kp_use_devices(const struct kp_trial *t);

#endif
