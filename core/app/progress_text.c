/* progress_text.c - a run's progress as one line. */
#include "app/progress_text.h"

#include "app/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BAR_MOST = 30, BAR_LEAST = 8, LABEL_LEAST = 16 };

static double share(const struct kp_progress *p)
{
    double s = p->steps > 0 ? (double)p->step / (double)p->steps : 0;
    return fmin(fmax(s, 0), 1);
}

/* Never 100 before all is done. */
static int percent(const struct kp_progress *p)
{
    return (int)floor(100 * share(p));
}

void kp_progress_number(const struct kp_progress_run *r, struct kp_text *out)
{
    char total[24];
    int digits = snprintf(total, sizeof(total), "%lld", (long long)r->total);

    kp_text_addf(out, "[%*lld/%s] ", digits, (long long)r->number, total);
}

/* "epoch 3/10  loss 0.4312  12345 examples/s  0:23 left" with `gap` between; short words for a
 * terminal. */
static void add_facts(const struct kp_progress *p, const char *gap, bool terminal,
                      struct kp_text *out)
{
    char text[KP_FORMAT_SIZE];

    switch (p->phase) {
    case KP_PHASE_TEACHER_TABLE:
        kp_text_addf(out, "%steacher's logits", gap);
        break;
    case KP_PHASE_EVALUATE:
        kp_text_addf(out, "%sevaluating", gap);
        break;
    case KP_PHASE_ANALYSE:
        kp_text_addf(out, "%sanalysing", gap);
        break;
    case KP_PHASE_DATA:
        kp_text_addf(out, "%sdecoding images", gap);
        break;
    case KP_PHASE_TRAIN: {
        int64_t shown = p->epoch < p->epochs ? p->epoch + 1 : p->epochs;
        char epochs[24];
        int digits = snprintf(epochs, sizeof(epochs), "%lld", (long long)p->epochs);
        kp_text_addf(out, "%sepoch %*lld/%s", gap, terminal ? digits : 1, (long long)shown, epochs);
        /* Of a steady width, so that the bar stands still. */
        if (!isnan(p->loss))
            kp_text_addf(out, p->loss < 1000 ? "%sloss %.4f" : "%sloss %.4g", gap, p->loss);
        break;
    }
    }
    if (p->samples_per_second > 0)
        kp_text_addf(out, "%s%.0f%s", gap, p->samples_per_second, terminal ? "/s" : " examples/s");
    if (p->seconds_left >= 0)
        kp_text_addf(out, "%s%s left", gap, kp_format_duration(p->seconds_left, text));
}

void kp_progress_line(const struct kp_progress_run *r, const struct kp_progress *p,
                      struct kp_text *out)
{
    kp_progress_number(r, out);
    kp_text_addf(out, "%s: %d %%", r->label, percent(p));
    add_facts(p, ", ", false, out);
}

static void add_bar(double done, int width, struct kp_text *out)
{
    int full = (int)floor(done * width);

    kp_text_add(out, "  [");
    for (int i = 0; i < width; i++)
        kp_text_add(out, i < full ? "#" : ".");
    kp_text_add(out, "]");
}

void kp_progress_bar(const struct kp_progress_run *r, const struct kp_progress *p, int width,
                     struct kp_text *out)
{
    struct kp_text head = {0}, tail = {0};
    int label = (int)strnlen(r->label, 4096);
    int room, bar;

    kp_progress_number(r, &head);
    kp_text_addf(&tail, "  %3d%%", percent(p));
    add_facts(p, "  ", true, &tail);
    /* What is left for label and bar; the bar has four columns around it. */
    room = width - 1 - (int)head.length - (int)tail.length;
    if (room - 4 - BAR_LEAST < label && label > LABEL_LEAST) {
        int cut = room - 4 - BAR_LEAST;
        label = cut > LABEL_LEAST ? cut : LABEL_LEAST;
    }
    bar = room - 4 - label;
    bar = bar > BAR_MOST ? BAR_MOST : bar;

    if (head.s)
        kp_text_add(out, head.s);
    kp_text_add_bytes(out, r->label, (size_t)label);
    if (bar >= BAR_LEAST)
        add_bar(share(p), bar, out);
    if (tail.s)
        kp_text_add(out, tail.s);
    if (width > 0 && out->s && out->length >= (size_t)width) {
        out->length = (size_t)width - 1;
        out->s[out->length] = '\0';
    }
    kp_text_finish(&head);
    kp_text_finish(&tail);
}
