/* analysing.c - does one analysis: opens what it looks at, records it, runs it. */
#include "analyse/analyse.h"
#include "base/pool.h"
#include "store/analysis.h"
#include "study/planning.h"
#include "study/recipe.h"
#include "study/session.h"
#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

struct looking {
    struct kp_plan *plan;
    struct kp_planned *r;
    const struct kp_planned_analysis *a;
    const struct kp_registry *registry;
    struct kp_store *store;
    const struct kp_study_watcher *watcher;
    struct kp_session *session;
    struct kp_dataset *data;
    struct kp_analyse_net *nets; /* [net_count], and as many of each below */
    struct kp_subset *subsets;
    char **weights, **init;
};

static enum kp_status teacher_flops(struct looking *l, const struct kp_planned *r, double *out,
                                    struct kp_error *e)
{
    struct kp_config *c = r->teacher.file ? r->config : l->plan->runs[r->teacher.run].config;
    struct kp_model_use model;
    struct kp_net *net = NULL;
    struct kp_flops flops;
    enum kp_status st = kp_recipe_model(c, &model, e);

    if (st == KP_OK)
        st = kp_model_build(&model, l->data, &net, e);
    if (st == KP_OK)
        st = kp_net_flops(net, NULL, &flops, e);
    if (st == KP_OK)
        *out = flops.forward;
    kp_net_destroy(net);
    return st;
}

/* How many examples a configuration draws from. */
static int64_t pool_size(const struct kp_config *c, const struct kp_dataset *data,
                         const struct kp_subset *s)
{
    int64_t all = data->split[KP_SPLIT_TRAIN].count - s->dev_count;

    if (c->core.run.role == KP_ROLE_TEACHER)
        return s->count;
    switch ((enum kp_student_pool)c->core.data.student_pool) {
    case KP_POOL_SUBSET:
        return c->core.data.n_teacher;
    case KP_POOL_DISJOINT:
        return all - c->core.data.n_teacher;
    case KP_POOL_FRESH:
    default:
        return all;
    }
}

/* Weights and examples of a net at a kappa of its curve. Where examples are read in their order it
 * has seen the first ones. */
static enum kp_status open_point(struct looking *l, int64_t i, struct kp_error *e)
{
    const struct kp_planned_net *n = &l->a->nets[i];
    const struct kp_planned *r = &l->plan->runs[n->run];
    int64_t samples = 0;
    bool found = false;
    enum kp_status st = kp_run_weights_at(l->store, r->uid, n->at, &l->weights[i], e);

    if (st == KP_OK)
        st = kp_store_samples_at(l->store, r->uid, n->at, &samples, &found, e);
    if (st == KP_OK && (!found || samples > l->subsets[i].count))
        st = kp_fail(e, KP_E_STORE, "run %s has no results of kappa %g beside its weights", r->uid,
                     n->at);
    if (st == KP_OK)
        l->subsets[i].count = samples;
    return st;
}

static enum kp_status open_net(struct looking *l, int64_t i, struct kp_error *e)
{
    const struct kp_planned_net *n = &l->a->nets[i];
    const struct kp_planned *r = &l->plan->runs[n->run];
    const struct kp_config *taught =
        r->teacher.run >= 0 ? l->plan->runs[r->teacher.run].config : NULL;
    struct kp_analyse_net *out = &l->nets[i];
    struct kp_dataset *data = NULL;
    struct kp_recipe recipe = {0};
    bool unused = false;
    enum kp_status st = kp_session_data(l->session, r->config, l->watcher, &data, e);

    if (st == KP_OK && l->data && data != l->data)
        st = kp_fail(e, KP_E_CONFIG, "the runs were trained on different data: %s and %s",
                     l->data->name, data->name);
    l->data = data;
    if (st == KP_OK)
        st = kp_recipe_make(r->config, taught, l->registry, &recipe, e);
    if (st == KP_OK)
        st = kp_run_subset(r->config, data, &l->subsets[i], e);
    if (st == KP_OK && n->at > 0)
        st = open_point(l, i, e);
    else if (st == KP_OK && !n->initial && !n->weights)
        st = kp_run_weights(l->store, r->uid, "run", &l->weights[i], e);
    if (st == KP_OK && n->initial)
        st = kp_plan_weights(l->plan, l->store, &r->init, "the run of [init]", &l->init[i], e);
    if (st != KP_OK)
        return st;
    *out = (struct kp_analyse_net){
        .model = recipe.model,
        .batch = recipe.eval_batch,
        .weights = n->weights ? n->weights : l->weights[i],
        .seed_init = recipe.seed_init,
        .init_role = recipe.init_role,
        .init = l->init[i],
        .init_skip = recipe.init_skip,
        .freeze = recipe.freeze,
        .uid = n->weights ? "" : r->uid,
        .kappa = n->at > 0 ? n->at : r->config->kappa,
        .seed = r->config->core.seed.master,
        .subset_seed = (int64_t)kp_stream_seed(r->config->core.seed.subset,
                                               r->config->core.seed.master, &unused),
        .pool = pool_size(r->config, data, &l->subsets[i]),
        .subset = &l->subsets[i],
        .samples = n->initial ? 0 : l->subsets[i].count * recipe.epochs,
    };
    if ((r->config->objective->needs & KP_NEED_TEACHER_LOGITS) &&
        (r->teacher.file || r->teacher.run >= 0))
        st = teacher_flops(l, r, &out->teacher_flops, e);
    return st;
}

static int64_t list_params(const struct looking *l, struct kp_param_row *out)
{
    const struct kp_config *c = l->a->from;
    size_t length = strlen("analysis.") + strlen(l->a->config->section);
    int64_t n = 0;

    for (int64_t i = 0; i < c->count; i++) {
        const struct kp_setting *s = &c->settings[i];
        if (strncmp(s->key, "analysis.", 9) == 0 &&
            strncmp(s->key + 9, l->a->config->section, length - 9) == 0 &&
            strrchr(s->key, '.') == s->key + length)
            out[n++] = (struct kp_param_row){s->key, s->text, s->origin, s->number};
    }
    return n;
}

static enum kp_status begin_run(struct looking *l, bool *taken, struct kp_error *e)
{
    struct kp_planned *r = l->r;
    const struct kp_planned *first = &l->plan->runs[l->a->nets[0].run];
    const struct kp_config *c = first->config;
    const struct kp_loaded *from = l->a->config->from;
    const char *teacher_uid =
        first->teacher.run >= 0 ? l->plan->runs[first->teacher.run].uid : NULL;
    struct kp_param_row *params = calloc((size_t)l->a->from->count + 1, sizeof(*params));
    struct kp_plugin_row plugin = {
        "analysis",   l->a->config->def->name, from->plugin->version,  from->path,
        from->sha256, from->plugin->abi.major, from->plugin->abi.minor};
    struct kp_attempt_row attempt = {.threads = c->core.run.threads > 0 ? c->core.run.threads
                                                                        : kp_cpu_count(),
                                     .previous = r->attempt};
    struct kp_text ini = {0};
    char device[256];
    int64_t count = 0;
    enum kp_status st = KP_OK;

    l->session->device->ops->describe(l->session->device, device, sizeof(device));
    kp_text_addf(&ini, "[analysis.%s]\n", l->a->config->section);
    if (params)
        count = list_params(l, params);
    for (int64_t i = 0; i < count; i++)
        kp_text_addf(&ini, "%s = %s\n", strrchr(params[i].key, '.') + 1, params[i].text);
    if (!params || ini.failed) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for the analysis's record");
        goto out;
    }
    attempt.device = device;
    attempt.level = l->session->device->ops->level(l->session->device);
    kp_provenance_record(&l->plan->made_by, &attempt);
    struct kp_run_row row = {
        .kind = "analysis",
        .name = l->a->config->section,
        .config_hash = r->hashes.config,
        .pair_hash = r->hashes.pair,
        .group_hash = r->hashes.group,
        .teacher_uid = teacher_uid && teacher_uid[0] ? teacher_uid : NULL,
        .dataset = c->core.data.name[0] ? c->core.data.name : l->data->name,
        .model = c->model->name,
        .objective = c->objective->name,
        .teacher = first->teacher.run >= 0 ? l->plan->runs[first->teacher.run].config->model->name
                                           : first->teacher.file,
        .kappa = l->nets[0].kappa,
        .m = l->a->nets[0].at > 0 ? l->subsets[0].count : c->m,
        .n = c->core.data.n_teacher,
        .tau = c->tau,
        .seed = c->core.seed.master,
        .ini = ini.s,
    };
    st = kp_store_begin_run(l->store, &row, params, count, &plugin, 1, NULL, 0, &attempt, -1,
                            r->uid, taken, e);
out:
    free(params);
    kp_text_finish(&ini);
    return st;
}

static enum kp_status record_subjects(struct looking *l, struct kp_error *e)
{
    const char **uids = calloc((size_t)l->a->net_count, sizeof(*uids));
    int64_t count = 0;
    enum kp_status st;

    if (!uids)
        return kp_fail(e, KP_E_NOMEM, "no memory for the analysis's record");
    for (int64_t i = 0; i < l->a->net_count; i++)
        if (l->nets[i].uid[0])
            uids[count++] = l->nets[i].uid;
    st = kp_store_subjects(l->store, l->r->uid, uids, count, e);
    free((void *)uids);
    return st;
}

static enum kp_status run(struct looking *l, const char *folder, struct kp_error *e)
{
    const struct kp_config *c = l->r->config;
    const struct kp_analysis_config *config = l->a->config;
    struct kp_analyse_job job = {
        .def = config->def,
        .self = kp_config_analysis_self(l->a->from, config),
        .nets = l->nets,
        .net_count = l->a->net_count,
        .subject_count = l->a->subject_count,
        .pairs = l->a->pairs,
        .pair_count = l->a->pair_count,
        .partners = l->a->partners,
        .data = l->data,
        .train = config->core.split == KP_ANALYSE_TRAIN,
        .suffix = l->a->suffix,
        .device = l->session->device,
        .device_kind = l->session->device->ops->name,
        .device_slice = c->core.device.slice,
        .device_index = c->core.device.index,
        .threads = (int)(c->core.run.threads > 0 ? c->core.run.threads : kp_cpu_count()),
        .store = l->store,
        .uid = l->r->uid,
        .folder = folder,
        .watcher = {l->watcher->arg, l->watcher->progress, l->watcher->stop},
    };

    if (!job.self)
        return kp_fail(e, KP_E_NOMEM, "no memory for analysis '%s'", config->def->name);
    return kp_analyse(&job, e);
}

enum kp_status kp_study_analyse(struct kp_plan *plan, struct kp_planned *r,
                                const struct kp_registry *registry, struct kp_store *store,
                                const struct kp_study_watcher *watcher, struct kp_session *session,
                                bool *taken, struct kp_error *e)
{
    const struct kp_planned_analysis *a = r->analysis;
    size_t count = (size_t)a->net_count;
    struct looking l = {plan,
                        r,
                        a,
                        registry,
                        store,
                        watcher,
                        session,
                        NULL,
                        calloc(count, sizeof(*l.nets)),
                        calloc(count, sizeof(*l.subsets)),
                        calloc(count, sizeof(*l.weights)),
                        calloc(count, sizeof(*l.init))};
    char *folder = NULL;
    bool begun = false;
    enum kp_status st = KP_OK;

    if (!l.nets || !l.subsets || !l.weights || !l.init)
        st = kp_fail(e, KP_E_NOMEM, "no memory for an analysis");
    if (st == KP_OK)
        st = kp_session_device(session, r->config, watcher, e);
    for (int64_t i = 0; st == KP_OK && i < a->net_count; i++)
        st = open_net(&l, i, e);
    if (st == KP_OK)
        st = begin_run(&l, taken, e);
    begun = st == KP_OK && *taken;
    if (st == KP_OK && !begun)
        goto out;
    if (begun && watcher->begin)
        watcher->begin(watcher->arg, r - plan->runs, plan->count, r);
    if (st == KP_OK)
        st = record_subjects(&l, e);
    if (st == KP_OK && !(folder = kp_store_run_folder(store, r->uid, e)))
        st = e->status;
    if (st == KP_OK) {
        const struct kp_checkpoint_place place = {store, r->uid, folder};
        st = kp_checkpoint_tidy(&place, e);
    }
    if (st == KP_OK)
        st = run(&l, folder, e);
    if (st != KP_OK && begun) {
        struct kp_error second = {0};
        enum kp_run_status end = st == KP_E_INTERRUPTED ? KP_RUN_INTERRUPTED : KP_RUN_FAILED;
        if (kp_store_end_run(store, r->uid, end, e->text, NULL, 0, NULL, 0, &second) != KP_OK)
            st = kp_fail_in(e, "%s; besides", second.text);
    }
out:
    for (int64_t i = 0; l.subsets && i < a->net_count; i++)
        kp_subset_finish(&l.subsets[i]);
    for (int64_t i = 0; l.weights && i < a->net_count; i++)
        free(l.weights[i]);
    for (int64_t i = 0; l.init && i < a->net_count; i++)
        free(l.init[i]);
    free(l.nets);
    free(l.subsets);
    free((void *)l.weights);
    free((void *)l.init);
    free(folder);
    return st;
}
