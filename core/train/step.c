/* step.c - one batch through every run of a cohort. */
#include "train/training.h"

#include <math.h>
#include <string.h>

struct step {
    struct kp_cohort *cohort;
    const struct kp_batch *batch;
    struct kp_load load;
    double weight; /* of all its rows */
    bool observe;
};

static double weight_of(const struct kp_batch *b, int64_t rows)
{
    double sum = 0;

    for (int64_t i = 0; i < rows; i++)
        sum += (double)b->weights[i];
    return sum;
}

static bool learns_from_teacher(const struct kp_training *t)
{
    return t->train->teacher_logits != NULL;
}

/* The teacher's logits for a batch, if a run that goes on wants them: from the table or from the
 * teacher itself. */
static enum kp_status ask_teacher(struct step *s, struct kp_error *e)
{
    struct kp_cohort *c = s->cohort;
    const struct kp_batch *b = s->batch;
    const size_t classes = (size_t)c->job->data->classes;
    bool wanted = false;

    for (int64_t i = 0; i < c->going_count; i++)
        wanted |= learns_from_teacher(c->going[i]);
    if (!wanted)
        return KP_OK;
    if (c->live)
        return kp_teacher_logits(c->job->teacher, &s->load, c->teacher_logits, e);
    for (int64_t i = 0; i < b->rows; i++)
        memcpy(c->teacher_logits + (size_t)i * classes,
               kp_taught_logits(&c->taught, b->position[i], b->draws && b->draws[i].flip),
               classes * sizeof(float));
    return KP_OK;
}

/* The first run has loaded the batch; the others copy it where they lay it out as the first does.
 */
static void take_batch(const struct step *s, struct kp_training *t)
{
    struct kp_exec *first = s->cohort->going[0]->train_exec, *x = t->train_exec;
    const struct kp_device_ops *ops = s->cohort->job->device->ops;

    if (x != first && !ops->copy_batch(&first->memory, first->program->x, &x->memory, x->program->x,
                                       s->batch->rows))
        kp_exec_load(x, &s->load);
}

static void observe(struct kp_training *t, const struct kp_batch *b)
{
    const struct kp_program *p = t->train;
    const struct kp_rows rows = {.size = sizeof(rows),
                                 .count = kp_dataset_rows(t->cohort->job->data, b->rows),
                                 .classes = p->classes,
                                 .logits = t->logits,
                                 .teacher_logits =
                                     learns_from_teacher(t) ? t->cohort->teacher_logits : NULL,
                                 .labels = b->labels,
                                 .length = t->cohort->job->data->made.length};

    kp_exec_read(t->train_exec, p->logits, t->logits, b->rows);
    kp_observers_observe(&t->running, &rows);
}

/* One run; several of them at once on threads of their own. */
static void step_one(void *arg, int64_t task)
{
    const struct step *s = arg;
    const struct kp_batch *b = s->batch;
    struct kp_training *t = s->cohort->going[task];
    struct kp_exec *x = t->train_exec;
    const struct kp_program *p = t->train;
    float loss;

    take_batch(s, t);
    if (learns_from_teacher(t))
        kp_exec_write(x, p->teacher_logits, s->cohort->teacher_logits, b->rows);
    kp_exec_write(x, p->labels, b->labels, b->rows);
    kp_exec_write(x, p->weights, b->weights, b->rows);
    t->status = kp_exec_run(x, b->rows, &t->error);
    if (t->status != KP_OK)
        return;
    kp_exec_read(x, p->loss, &loss, 1);
    if (!isfinite(loss)) {
        t->status =
            kp_fail(&t->error, KP_E_NUMERIC,
                    "the loss became %g in step %lld (epoch %lld); a smaller train.lr may help",
                    (double)loss, (long long)t->at.step, (long long)t->at.epoch);
        return;
    }
    t->at.loss_sum += (double)loss * s->weight;
    t->at.loss_weight += s->weight;
    if (s->observe)
        observe(t, b);
    t->at.step++;
    t->at.batch++;
    t->at.samples += b->rows;
}

enum kp_status kp_cohort_step(struct kp_cohort *c, const struct kp_batch *b, bool observed,
                              struct kp_error *e)
{
    struct step s = {.cohort = c, .batch = b, .observe = observed};
    enum kp_status st;

    s.load = kp_batch_load(c->job->data, b, c->mean, c->sd);
    s.weight = weight_of(b, kp_dataset_rows(c->job->data, b->rows));
    st = ask_teacher(&s, e);
    if (st != KP_OK)
        return st;
    kp_exec_load(c->going[0]->train_exec, &s.load);
    c->job->device->ops->share(c->job->device, c->going_count, step_one, &s);
    return kp_cohort_settle(c, e);
}
