/* trainer.c - the training loop. */
#include "train/trainer.h"

#include "base/clock.h"
#include "base/file.h"
#include "train/training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RATE_SECONDS 1.0

int64_t kp_training_steps(const struct kp_training *t)
{
    return t->recipe->epochs * kp_loader_batches(t->loader);
}

bool kp_training_tell(struct kp_training *t, enum kp_phase phase, int64_t done, int64_t total,
                      double loss)
{
    const struct kp_watcher *w = &t->job->watcher;
    double now = kp_clock_monotonic();
    struct kp_progress p = {.phase = phase,
                            .epoch = t->at.epoch,
                            .epochs = t->recipe->epochs,
                            .step = done,
                            .steps = total,
                            .samples = t->at.samples,
                            .seconds_left = -1,
                            .loss = loss};

    if (phase == KP_PHASE_TRAIN && now - t->last_rate >= RATE_SECONDS) {
        t->rate = (double)(t->at.samples - t->rate_samples) / (now - t->last_rate);
        t->rate_samples = t->at.samples;
        t->last_rate = now;
    }
    p.samples_per_second = t->rate;
    if (phase == KP_PHASE_TRAIN && t->rate > 0)
        p.seconds_left =
            (double)(t->recipe->epochs * t->job->subset->count - t->at.samples) / t->rate;
    if (w->progress)
        w->progress(w->arg, &p);
    return !w->stop || !w->stop(w->arg);
}

static enum kp_status add_metric(struct kp_training *t, const char *name, const char *unit,
                                 bool higher, struct kp_error *e)
{
    struct kp_metric_key key = {name, unit, higher};

    return kp_store_metric(t->job->store, &key, e);
}

static void add_point(struct kp_training *t, const char *key, double value)
{
    struct kp_point p = {key, t->at.step, value, t->at.samples,
                         (double)t->at.samples * t->sample_flops};

    kp_store_point(t->job->store, t->job->uid, &p);
}

/* Teacher's logits for a batch, from the table or from the teacher itself. */
static enum kp_status teacher_batch(struct kp_training *t, const struct kp_batch *b,
                                    const struct kp_load *load, struct kp_error *e)
{
    const struct kp_teacher_table *table = &t->table;
    int64_t classes = t->train->classes;

    if (t->live)
        return kp_teacher_logits(t->job->teacher, load, t->teacher_logits, e);
    for (int64_t i = 0; i < b->rows; i++) {
        int64_t flip = table->draws == 2 && b->draws && b->draws[i].flip;
        memcpy(t->teacher_logits + i * classes,
               table->logits + (b->position[i] * table->draws + flip) * classes,
               (size_t)classes * sizeof(float));
    }
    return KP_OK;
}

static enum kp_status train_batch(struct kp_training *t, const struct kp_batch *b, bool observe,
                                  struct kp_error *e)
{
    const struct kp_program *p = t->train;
    struct kp_exec *x = t->train_exec;
    const struct kp_shape shape = t->job->data->shape;
    struct kp_load load = {b->pixels,    b->draws,     b->rows, shape.dim[0],
                           shape.dim[1], shape.dim[2], t->mean, t->sd};
    float loss;
    enum kp_status st;

    if (p->teacher_logits) {
        st = teacher_batch(t, b, &load, e);
        if (st != KP_OK)
            return st;
        kp_exec_write(x, p->teacher_logits, t->teacher_logits, b->rows);
    }
    kp_exec_load(x, &load);
    kp_exec_write(x, p->labels, b->labels, b->rows);
    kp_exec_write(x, p->weights, b->weights, b->rows);
    st = kp_exec_run(x, b->rows, e);
    if (st != KP_OK)
        return st;
    kp_exec_read(x, p->loss, &loss, 1);
    if (!isfinite(loss))
        return kp_fail(e, KP_E_NUMERIC,
                       "the loss became %g in step %lld (epoch %lld); a smaller train.lr may help",
                       (double)loss, (long long)t->at.step, (long long)t->at.epoch);
    t->at.loss_sum += (double)loss * (double)b->rows;
    t->at.loss_weight += (double)b->rows;
    if (observe) {
        struct kp_rows rows = {sizeof(rows),
                               b->rows,
                               p->classes,
                               t->logits,
                               p->teacher_logits ? t->teacher_logits : NULL,
                               b->labels};
        kp_exec_read(x, p->logits, t->logits, b->rows);
        kp_observers_observe(&t->running, &rows);
    }
    t->at.step++;
    t->at.batch++;
    t->at.samples += b->rows;
    return KP_OK;
}

/* Save; the file before it is removed once the store knows the new one. */
static enum kp_status checkpoint(struct kp_training *t, struct kp_error *e)
{
    const struct kp_train_job *job = t->job;
    char name[64], sha256[KP_HASH_SIZE];
    char *old = NULL, *path = NULL, *relative = NULL;
    bool had = false;
    int64_t bytes = 0;
    enum kp_status st =
        kp_store_find_artifact(job->store, job->uid, "checkpoint", &old, sha256, &had, e);

    (void)snprintf(name, sizeof(name), "checkpoint-%lld.safetensors", (long long)t->at.step);
    path = kp_path_join(job->folder, name);
    relative = kp_path_join(job->uid, name);
    if (st == KP_OK && (!path || !relative))
        st = kp_fail(e, KP_E_NOMEM, "no memory for a path");
    if (st == KP_OK)
        st = kp_checkpoint_save(path, t->state, t->train->slots, &t->at, &t->running, sha256,
                                &bytes, e);
    if (st == KP_OK) {
        struct kp_artifact_row row = {"checkpoint", relative, sha256, bytes};
        st = kp_store_artifact(job->store, job->uid, &row, t->at.epoch, t->at.step, e);
    }
    if (st == KP_OK && had && strcmp(old, path) != 0)
        (void)unlink(old);
    t->last_checkpoint = kp_clock_monotonic();
    free(old);
    free(path);
    free(relative);
    return st;
}

static double epoch_loss(const struct kp_training *t)
{
    return t->at.loss_weight > 0 ? t->at.loss_sum / t->at.loss_weight : (double)NAN;
}

static void set_lr(struct kp_training *t)
{
    const struct kp_moment now = {t->at.step, t->at.epoch, kp_loader_batches(t->loader)};

    t->train_exec->memory.scalars[KP_SCALAR_LR] = kp_schedule_lr(&t->recipe->schedule, now);
}

static enum kp_status end_epoch(struct kp_training *t, struct kp_error *e)
{
    int64_t every = t->recipe->eval_every;

    add_point(t, "train/loss", epoch_loss(t));
    add_point(t, "train/lr", t->train_exec->memory.scalars[KP_SCALAR_LR]);
    t->at.epoch++;
    t->at.batch = 0;
    t->at.loss_sum = t->at.loss_weight = 0;
    if (every > 0 && t->at.epoch % every == 0 && t->at.epoch < t->recipe->epochs)
        return kp_training_evaluate(t, false, e);
    return KP_OK;
}

static enum kp_status train_all(struct kp_training *t, struct kp_error *e)
{
    int64_t epochs = t->recipe->epochs;
    int64_t batches = kp_loader_batches(t->loader);
    enum kp_status st = KP_OK;

    if (t->at.epoch < epochs)
        st = kp_loader_start(t->loader, t->at.epoch, t->at.batch, e);
    while (st == KP_OK && t->at.epoch < epochs) {
        bool last = t->at.epoch == epochs - 1;

        if (last && t->at.batch == 0)
            kp_observers_reset(&t->running);
        set_lr(t);
        st = train_batch(t, kp_loader_next(t->loader), last, e);
        if (st != KP_OK)
            break;
        kp_store_progress(t->job->store, t->job->uid, t->at.step, kp_training_steps(t),
                          t->at.samples);
        bool go =
            kp_training_tell(t, KP_PHASE_TRAIN, t->at.step, kp_training_steps(t), epoch_loss(t));
        if (t->at.batch == batches)
            st = end_epoch(t, e);
        if (st == KP_OK &&
            (!go || kp_clock_monotonic() - t->last_checkpoint >= t->recipe->checkpoint_seconds))
            st = checkpoint(t, e);
        if (st == KP_OK && !go)
            st = kp_fail(e, KP_E_INTERRUPTED, "stopped after step %lld; the state is saved",
                         (long long)t->at.step);
    }
    return st;
}

/* "model.safetensors", and no checkpoint any more. */
static enum kp_status keep_model(struct kp_training *t, struct kp_error *e)
{
    const struct kp_train_job *job = t->job;
    struct kp_snapshot snapshot = {0};
    char sha256[KP_HASH_SIZE];
    int64_t bytes = 0;
    char *path = kp_path_join(job->folder, "model.safetensors");
    char *relative = kp_path_join(job->uid, "model.safetensors");
    enum kp_status st = KP_OK;

    if (!path || !relative) {
        st = kp_fail(e, KP_E_NOMEM, "no memory for a path");
        goto out;
    }
    st = kp_snapshot_take(t->state, false, &snapshot, e);
    if (st == KP_OK)
        st = kp_safetensors_write(path, snapshot.arrays, snapshot.count, sha256, &bytes, e);
    if (st == KP_OK) {
        struct kp_artifact_row row = {"model", relative, sha256, bytes};
        st = kp_store_artifact(job->store, job->uid, &row, t->at.epoch, t->at.step, e);
    }
out:
    kp_snapshot_finish(&snapshot);
    free(path);
    free(relative);
    return st;
}

/* The end of a training whose weights are kept: evaluate, end the run, remove its last checkpoint.
 */
static enum kp_status finish(struct kp_training *t, struct kp_error *e)
{
    const struct kp_train_job *job = t->job;
    char sha256[KP_HASH_SIZE], *path = NULL;
    bool found = false;
    enum kp_status st =
        kp_store_find_artifact(job->store, job->uid, "checkpoint", &path, sha256, &found, e);

    if (st == KP_OK)
        st = kp_training_evaluate(t, true, e);
    if (st == KP_OK && found)
        (void)unlink(path);
    free(path);
    return st;
}

enum kp_status kp_train(const struct kp_train_job *job, struct kp_error *e)
{
    struct kp_training t = {0};
    enum kp_status st = kp_training_prepare(&t, job, e);

    if (st == KP_OK)
        st = add_metric(&t, "train/loss", "nats", false, e);
    if (st == KP_OK)
        st = add_metric(&t, "train/lr", "", false, e);
    if (st == KP_OK)
        st = train_all(&t, e);
    if (st == KP_OK)
        st = keep_model(&t, e);
    if (st == KP_OK)
        st = finish(&t, e);
    if (st == KP_E_INTERRUPTED && t.at.epoch == t.recipe->epochs) {
        struct kp_error unsaved = {0};
        if (checkpoint(&t, &unsaved) != KP_OK)
            st = kp_fail(e, unsaved.status, "%s", unsaved.text);
    }
    kp_training_finish(&t);
    return st;
}
