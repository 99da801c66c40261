/* keep.c - stores what an analysis found, and ends its run. */
#include "analyse/state.h"
#include "base/file.h"
#include "store/analysis.h"
#include "train/safetensors.h"

#include <stdlib.h>
#include <string.h>

enum { CURVE_MAX = 4096 };

static enum kp_status announce(struct kp_analysing *x, const char *key, const char *unit,
                               bool higher_is_better, struct kp_error *e)
{
    struct kp_metric_key k = {key, unit, higher_is_better};

    return kp_store_metric(x->job->store, &k, e);
}

/* Arrays of rank 1 as curves, all of them as one file. */
static enum kp_status keep_arrays(struct kp_analysing *x, struct kp_error *e)
{
    const struct kp_analyse_job *job = x->job;
    struct kp_stored *stored = calloc((size_t)x->array_count + 1, sizeof(*stored));
    struct kp_text relative = {0};
    char *path = NULL, sha256[KP_HASH_SIZE];
    enum kp_status st = KP_OK;
    int64_t bytes = 0;

    for (int64_t i = 0; stored && st == KP_OK && i < x->array_count; i++) {
        const struct kp_found_array *f = &x->arrays[i];

        stored[i] = (struct kp_stored){f->name, KP_STORED_F64, f->shape, f->v};
        if (f->shape.n != 1 || f->shape.dim[0] > CURVE_MAX)
            continue;
        st = announce(x, f->key, f->unit, f->higher_is_better, e);
        for (int64_t k = 0; st == KP_OK && k < f->shape.dim[0]; k++) {
            struct kp_point p = {f->key, k, f->v[k], 0, 0};
            kp_store_point(job->store, job->uid, &p);
        }
    }
    path = kp_path_join(job->folder, "arrays.safetensors");
    kp_text_addf(&relative, "%s/arrays.safetensors", job->uid);
    if (st == KP_OK && (!stored || !path || relative.failed))
        st = kp_fail(e, KP_E_NOMEM, "no memory for the arrays");
    if (st == KP_OK)
        st = kp_safetensors_write(path, stored, x->array_count, sha256, &bytes, e);
    if (st == KP_OK) {
        struct kp_artifact_row row = {"arrays", relative.s, sha256, bytes};
        st = kp_store_artifact(job->store, job->uid, &row, 0, 0, e);
    }
    free(stored);
    free(path);
    kp_text_finish(&relative);
    return st;
}

static const char *split_of(const char *key)
{
    return strncmp(key, "test/", 5) == 0    ? "test"
           : strncmp(key, "train/", 6) == 0 ? "train"
                                            : "run";
}

static enum kp_status keep_findings(struct kp_analysing *x, struct kp_error *e)
{
    const struct kp_analyse_job *job = x->job;
    struct kp_measured_row *results = calloc((size_t)x->found_count + 1, sizeof(*results));
    struct kp_compared_row *pairs = calloc((size_t)x->found_count + 1, sizeof(*pairs));
    int64_t result_count = 0, pair_count = 0;
    enum kp_status st = KP_OK;

    if (!results || !pairs)
        st = kp_fail(e, KP_E_NOMEM, "no memory for the results");
    for (int64_t i = 0; st == KP_OK && i < x->found_count; i++) {
        const struct kp_finding *f = &x->found[i];
        int64_t of = f->pair < 0 ? f->subject : job->partners ? job->pairs[f->pair].a : -1;
        const char *uid = of >= 0 ? job->nets[of].uid : job->uid;
        const struct kp_analyse_net *first = &job->nets[f->pair >= 0 ? job->pairs[f->pair].a
                                                        : of >= 0    ? of
                                                                     : 0];

        st = announce(x, f->key, f->unit, f->higher_is_better, e);
        if (f->pair < 0 || job->partners)
            results[result_count++] = (struct kp_measured_row){
                uid,      split_of(f->key),
                f->key,   first->kappa,
                f->value, f->pair >= 0 ? job->nets[job->pairs[f->pair].b].uid : NULL};
        if (f->pair < 0)
            continue;
        const char *a = job->nets[job->pairs[f->pair].a].uid;
        const char *b = job->nets[job->pairs[f->pair].b].uid;
        /* A run and its own start are one run; a weights file is none. */
        if (a[0] && b[0] && !(job->partners && strcmp(a, b) == 0))
            pairs[pair_count++] = (struct kp_compared_row){
                a, b, f->key, split_of(f->key), f->estimator, f->n, first->kappa, f->value};
    }
    if (st == KP_OK)
        st = kp_store_end_analysis(job->store, job->uid, results, result_count, pairs, pair_count,
                                   e);
    free(results);
    free(pairs);
    return st;
}

enum kp_status kp_analysing_keep(struct kp_analysing *x, struct kp_error *e)
{
    enum kp_status st = x->array_count > 0 ? keep_arrays(x, e) : KP_OK;

    return st == KP_OK ? keep_findings(x, e) : st;
}

void kp_analysing_forget(struct kp_analysing *x)
{
    for (int64_t i = 0; i < x->array_count; i++)
        free(x->arrays[i].v);
    free(x->arrays);
    free(x->found);
}
