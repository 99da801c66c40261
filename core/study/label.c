/* label.c - what people see of a run. */
#include "study/analysis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *kp_config_dataset(const struct kp_config *c)
{
    return c->core.data.name[0] ? c->core.data.name
           : c->dataset         ? c->dataset->name
                                : c->core.data.format;
}

const char *kp_planned_kind(const struct kp_planned *r)
{
    return r->analysis ? "analysis" : *r->config->core.run.imported ? "import" : "train";
}

void kp_planned_label(const struct kp_planned *r, char *out, size_t size)
{
    const struct kp_config *c = r->config;
    const struct kp_planned_analysis *a = r->analysis;
    struct kp_planned subject = *r;

    if (a) {
        int n = snprintf(out, size, "%s of ", a->config->section);
        subject.analysis = NULL;
        if (a->subject_count > 1)
            (void)snprintf(out + n, size - (size_t)n, "%lld runs", (long long)a->subject_count);
        else
            kp_planned_label(&subject, out + n, size - (size_t)n);
        const size_t length = strlen(out);
        if (a->nets[0].at > 0)
            (void)snprintf(out + length, size - length, " at kappa %g", a->nets[0].at);
        return;
    }
    bool teacher = c->core.run.role == KP_ROLE_TEACHER;
    char extra[96] = "";
    size_t at = 0;

    if (!isnan(c->tau))
        at = (size_t)snprintf(extra, sizeof(extra), " tau %g", c->tau);
    if (!teacher)
        (void)snprintf(extra + at, sizeof(extra) - at, " kappa %g", c->kappa);
    (void)snprintf(out, size, "%s %s %s %s%s%s seed %lld", teacher ? "teacher" : "student",
                   kp_config_dataset(c), c->model->name, c->objective->name, extra,
                   c->core.train.precision == KP_SETTING_PRECISION_BF16 ? " bf16" : "",
                   (long long)c->core.seed.master);
}
