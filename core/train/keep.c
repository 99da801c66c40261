/* keep.c - the weights of a run as a file that stays. */
#include "train/training.h"

#include "base/file.h"
#include "base/text.h"

#include <stdlib.h>

enum kp_status kp_training_keep(struct kp_training *t, const char *role, struct kp_error *e)
{
    const struct kp_train_run *run = t->run;
    struct kp_snapshot snapshot = {0};
    struct kp_text name = {0};
    char sha256[KP_HASH_SIZE];
    int64_t bytes = 0;
    char *path = NULL, *relative = NULL;
    enum kp_status st = KP_OK;

    kp_text_addf(&name, "%s.safetensors", role);
    if (!name.failed) {
        path = kp_path_join(run->folder, name.s);
        relative = kp_path_join(run->uid, name.s);
    }
    if (!path || !relative) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for a path");
        goto out;
    }
    st = kp_snapshot_take(t->state, false, &snapshot, e);
    if (st == KP_OK)
        st = kp_safetensors_write(path, snapshot.arrays, snapshot.count, sha256, &bytes, e);
    if (st == KP_OK) {
        struct kp_artifact_row row = {role, relative, sha256, bytes};
        st = kp_store_artifact(t->cohort->job->store, run->uid, &row, t->at.epoch, t->at.step, e);
    }
out:
    kp_snapshot_finish(&snapshot);
    kp_text_finish(&name);
    free(path);
    free(relative);
    return st;
}
