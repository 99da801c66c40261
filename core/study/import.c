/* import.c - weights that were trained elsewhere become a run. */
#include "study/planning.h"
#include "study/recipe.h"
#include "study/session.h"
#include "train/weights.h"

/* Does the file hold the weights of the configuration's model? */
static enum kp_status check_weights(struct kp_session *s, struct kp_config *c, const char *file,
                                    const struct kp_study_watcher *watcher, struct kp_error *e)
{
    struct kp_dataset *data = NULL;
    struct kp_model_use model;
    struct kp_net *net = NULL;
    struct kp_state *state = NULL;
    enum kp_status st = kp_session_device(s, c, watcher, e);

    if (st == KP_OK)
        st = kp_session_data(s, c, watcher, &data, e);
    if (st == KP_OK)
        st = kp_recipe_model(c, &model, e);
    if (st == KP_OK)
        st = kp_model_build(&model, data, &net, e);
    if (st == KP_OK)
        st = kp_state_create(s->device, net, false, &state, e);
    if (st == KP_OK)
        st = kp_weights_read(state, file, NULL, e);
    kp_state_destroy(state);
    kp_net_destroy(net);
    return st;
}

enum kp_status kp_plan_import(struct kp_plan *p, int64_t run, const char *file,
                              const struct kp_registry *registry, struct kp_store *store,
                              const struct kp_study_watcher *watcher, struct kp_study_result *out,
                              struct kp_error *e)
{
    struct kp_session session = {0};
    enum kp_status st = check_weights(&session, p->runs[run].config, file, watcher, e);

    kp_session_finish(&session);
    if (st != KP_OK)
        return st;
    p->runs[run].import = file;
    return kp_plan_execute_one(p, run, registry, store, watcher, out, e);
}
