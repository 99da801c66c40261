/* step.c - one batch through every run of a cohort. */
#include "train/training.h"

#include <string.h>

/* A part of a batch, or all of it. */
struct step {
    struct kp_cohort *cohort;
    struct kp_batch batch; /* of the part's examples */
    struct kp_load load;
    double weight; /* of the part's rows */
    struct kp_batch_part part;
    bool observe;
};

static double weight_of(const struct kp_dataset *data, const struct kp_batch *b)
{
    const int64_t rows = kp_dataset_rows(data, b->rows);
    double sum = 0;

    for (int64_t i = 0; i < rows; i++)
        sum += (double)b->weights[i];
    return sum;
}

/* Examples first .. first + rows of a batch. */
static struct kp_batch part_of(const struct kp_dataset *data, const struct kp_batch *b,
                               int64_t first, int64_t rows)
{
    const int64_t labels = kp_dataset_rows(data, first);

    return (struct kp_batch){
        .rows = rows,
        .pixels = b->pixels ? b->pixels + (size_t)first * kp_dataset_bytes(data) : NULL,
        .labels = b->labels + labels,
        .weights = b->weights + labels,
        .draws = b->draws ? b->draws + first : NULL,
        .position = b->position + first};
}

/* The teacher's features and logits for a batch, if runs that go on want them: from the teacher
 * itself, logits also from the table. */
static enum kp_status ask_teacher(struct step *s, struct kp_error *e)
{
    struct kp_cohort *c = s->cohort;
    const struct kp_batch *b = &s->batch;
    const size_t classes = (size_t)c->job->data->classes;
    bool logits = false, features = false;
    enum kp_status st = KP_OK;

    for (int64_t i = 0; i < c->going_count; i++) {
        logits |= c->going[i]->train->teacher_logits != NULL;
        features |= c->going[i]->train->teacher_features != NULL;
    }
    if (features)
        st = kp_teacher_features(c->job->teacher, &s->load, c->teacher_features, e);
    if (!logits || st != KP_OK)
        return st;
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
    struct kp_device *device = s->cohort->job->device;

    if (x != first && !device->ops->copy_batch(device, &first->memory, first->program->x,
                                               &x->memory, x->program->x, s->batch.rows))
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
                                     p->teacher_logits ? t->cohort->teacher_logits : NULL,
                                 .labels = b->labels,
                                 .length = t->cohort->job->data->made.length};

    kp_exec_read(t->train_exec, p->logits, t->logits, b->rows);
    kp_observers_observe(&t->running, &rows, t->cohort->job->device);
}

/* One run; several of them at once on threads of their own. */
static void step_one(void *arg, int64_t task)
{
    const struct step *s = arg;
    const struct kp_batch *b = &s->batch;
    struct kp_training *t = s->cohort->going[task];
    struct kp_exec *x = t->train_exec;
    const struct kp_program *p = t->train;

    if (t->status != KP_OK) /* in a part before this one */
        return;
    take_batch(s, t);
    if (p->teacher_logits)
        kp_exec_write(x, p->teacher_logits, s->cohort->teacher_logits, b->rows);
    if (p->teacher_features)
        kp_exec_write(x, p->teacher_features, s->cohort->teacher_features, b->rows);
    kp_exec_write(x, p->labels, b->labels, b->rows);
    kp_exec_write(x, p->weights, b->weights, b->rows);
    t->status = kp_exec_run_part(x, b->rows, &s->part, &t->error);
    if (t->status != KP_OK)
        return;
    kp_losses_add(&t->losses, x, s->weight, &t->at);
    if (s->observe)
        observe(t, b);
    t->at.samples += b->rows;
    t->at.step += !s->part.more;
    t->at.batch += !s->part.more;
    if (kp_losses_full(&t->losses))
        kp_training_catch_up(t);
}

void kp_training_catch_up(struct kp_training *t)
{
    if (t->status == KP_OK)
        t->status = kp_losses_read(&t->losses, &t->at, &t->error);
    if (t->at.loss_weight > 0)
        t->loss = t->at.loss_sum / t->at.loss_weight;
}

enum kp_status kp_cohort_step(struct kp_cohort *c, const struct kp_batch *b, bool observed,
                              struct kp_error *e)
{
    const struct kp_dataset *data = c->job->data;
    const int64_t room = c->going[0]->train->capacity;
    const double all = weight_of(data, b);
    struct step s = {.cohort = c, .observe = observed};

    for (int64_t at = 0; at < b->rows; at += room, s.part.number++) {
        const int64_t left = b->rows - at;

        s.batch = part_of(data, b, at, left < room ? left : room);
        s.load = kp_batch_load(data, &s.batch, c->mean, c->sd);
        s.load.kept = c->kept.pool;
        s.load.index = s.batch.position;
        s.weight = weight_of(data, &s.batch);
        s.part.more = left > room;
        s.part.share = all > 0 ? s.weight / all : 0;
        enum kp_status st = ask_teacher(&s, e);
        if (st != KP_OK)
            return st;
        kp_exec_load(c->going[0]->train_exec, &s.load);
        c->job->device->ops->share(c->job->device, c->going_count, step_one, &s);
    }
    return kp_cohort_settle(c, e);
}
