/* record.c - gathers a run's database rows. */
#include "study/record.h"

#include "base/pool.h"
#include "study/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Plugins of operations that are recorded of one run. */
enum { OPERATIONS_MAX = 64 };

static bool add_plugin(struct kp_record *r, const char *kind, const struct kp_loaded *from)
{
    if (!from)
        return true;
    r->plugins[r->plugin_count++] = (struct kp_plugin_row){
        kind,         from->plugin->name,      from->plugin->version,   from->path,
        from->sha256, from->plugin->abi.major, from->plugin->abi.minor,
    };
    return true;
}

static bool add_plugins(struct kp_record *r, const struct kp_config *c,
                        const struct kp_registry *registry)
{
    char *names = strdup(c->core.metrics.plugins), *rest = NULL;

    r->plugins = calloc(strlen(c->core.metrics.plugins) + 4 + OPERATIONS_MAX, sizeof(*r->plugins));
    if (!names || !r->plugins) {
        free(names);
        return false;
    }
    add_plugin(r, "model", c->model_from);
    add_plugin(r, "objective", c->objective_from);
    add_plugin(r, "dataset", c->dataset_from);
    for (char *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        const struct kp_loaded *from = NULL;
        if (kp_registry_metric(registry, name, &from))
            add_plugin(r, "metric", from);
    }
    free(names);
    return true;
}

/* The weights behind a reference, whatever names it: [0] the identity that is hashed, [1] the run.
 */
static void add_weights(struct kp_record *r, const struct kp_plan *plan,
                        const struct kp_planned_weights *w, const struct kp_weights_ref *ref,
                        const char *const keys[2])
{
    if (w->identity)
        r->params[r->param_count++] =
            (struct kp_param_row){keys[0], w->identity, ref->origin, (double)NAN};
    if (w->run >= 0)
        r->params[r->param_count++] =
            (struct kp_param_row){keys[1], plan->runs[w->run].uid, ref->origin, (double)NAN};
}

static bool add_params(struct kp_record *r, const struct kp_planned *p, const struct kp_plan *plan,
                       const struct kp_dataset *data)
{
    static const char *const keys[KP_REFERENCES][2] = {
        [KP_REFERENCE_TEACHER] = {"teacher.identity", "teacher.uid"},
        [KP_REFERENCE_INIT] = {"init.identity", "init.uid"},
    };
    const struct kp_config *c = p->config;

    r->params = calloc((size_t)c->count + 2 * KP_REFERENCES + 2, sizeof(*r->params));
    if (!r->params)
        return false;
    for (int64_t i = 0; i < c->count; i++)
        r->params[r->param_count++] = (struct kp_param_row){
            c->settings[i].key, c->settings[i].text, c->settings[i].origin, c->settings[i].number};
    add_weights(r, plan, &p->teacher, &c->reference[KP_REFERENCE_TEACHER],
                keys[KP_REFERENCE_TEACHER]);
    add_weights(r, plan, &p->init, &c->reference[KP_REFERENCE_INIT], keys[KP_REFERENCE_INIT]);
    if (c->dataset)
        r->params[r->param_count++] =
            (struct kp_param_row){"data.version", c->dataset->version, "plugin", (double)NAN};
    if (*data->made.identity)
        r->params[r->param_count++] =
            (struct kp_param_row){"data.identity", data->made.identity, "plugin", (double)NAN};
    return true;
}

static int64_t subset_seed(const struct kp_config *c)
{
    bool unused = false;

    if (c->core.run.role == KP_ROLE_TEACHER)
        return c->core.seed.teacher_pool;
    return (int64_t)kp_stream_seed(c->core.seed.subset, c->core.seed.master, &unused);
}

static void add_subsets(struct kp_record *r, const struct kp_config *c, const struct kp_subset *s)
{
    r->subsets[r->subset_count++] = (struct kp_subset_row){"train",  s->algorithm, subset_seed(c),
                                                           s->count, s->overlap,   s->sha256};
    if (s->dev_count > 0)
        r->subsets[r->subset_count++] = (struct kp_subset_row){
            "dev", s->algorithm, c->core.seed.teacher_pool, s->dev_count, 0, s->dev_sha256};
}

enum kp_status kp_record_make(const struct kp_planned *p, const struct kp_plan *plan,
                              const struct kp_registry *registry, const struct kp_dataset *data,
                              const struct kp_subset *subset, const struct kp_device *device,
                              struct kp_record *out, struct kp_error *e)
{
    struct kp_config *c = p->config;
    struct kp_record r = {0};
    char text[256];

    if (!add_params(&r, p, plan, data) || !add_plugins(&r, c, registry))
        goto out;
    add_subsets(&r, c, subset);
    kp_config_print(c, false, &r.ini);
    device->ops->describe(device, text, sizeof(text));
    kp_text_add(&r.device, text);
    if (r.ini.failed || r.device.failed)
        goto out;
    r.attempt = (struct kp_attempt_row){.device = r.device.s,
                                        .level = device->ops->level(device),
                                        .threads = c->core.run.threads > 0 ? c->core.run.threads
                                                                           : kp_cpu_count()};
    kp_provenance_record(&plan->made_by, &r.attempt);
    r.run = (struct kp_run_row){
        .kind = kp_planned_kind(p),
        .name = c->core.run.name[0] ? c->core.run.name : NULL,
        .config_hash = p->hashes.config,
        .pair_hash = p->hashes.pair,
        .group_hash = p->hashes.group,
        .teacher_uid = p->teacher.run >= 0 ? plan->runs[p->teacher.run].uid : NULL,
        .dataset = c->core.data.name[0] ? c->core.data.name : data->name,
        .model = c->model->name,
        .objective = c->objective->name,
        .teacher = p->teacher.run >= 0 ? plan->runs[p->teacher.run].config->model->name
                   : p->teacher.file   ? p->teacher.file
                                       : NULL,
        .kappa = c->kappa,
        .m = c->m,
        .n = c->core.data.n_teacher,
        .tau = c->tau,
        .seed = c->core.seed.master,
        .ini = r.ini.s,
    };
    *out = r;
    return KP_OK;
out:
    kp_record_finish(&r);
    return kp_fail(e, KP_E_NOMEM, "no memory for the run's record");
}

void kp_record_finish(struct kp_record *r)
{
    free(r->params);
    free(r->plugins);
    kp_text_finish(&r->ini);
    kp_text_finish(&r->device);
    *r = (struct kp_record){0};
}

int64_t kp_record_operations(struct kp_record *r, struct kp_config *c,
                             const struct kp_dataset *data)
{
    struct kp_error unused = {0};
    struct kp_model_use model;
    struct kp_net *net = NULL;
    int64_t before = r->plugin_count;

    /* Why a model cannot be built says who trains it. */
    if (kp_recipe_model(c, &model, &unused) != KP_OK ||
        kp_model_build(&model, data, &net, &unused) != KP_OK)
        return 0;
    for (int64_t i = 0; i < net->operation_count; i++) {
        const struct kp_loaded *from = NULL;
        bool known = false;

        (void)kp_registry_op(c->registry, net->operations[i]->def->name, &from);
        for (int64_t k = before; from && k < r->plugin_count; k++)
            known |= strcmp(r->plugins[k].path, from->path) == 0;
        if (!known && r->plugin_count - before < OPERATIONS_MAX)
            add_plugin(r, "op", from);
    }
    kp_net_destroy(net);
    return r->plugin_count - before;
}
