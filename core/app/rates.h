/* rates.h - how fast trainings went, by the finished runs of a database. */
#ifndef KP_APP_RATES_H
#define KP_APP_RATES_H

#include "base/error.h"

enum { KP_RATES_MODELS = 32 };

struct kp_rate {
    double flops, seconds; /* of all that was counted; 0: nothing */
};

struct kp_rates {
    struct {
        char model[64];
        struct kp_rate here, all;
    } of[KP_RATES_MODELS];
    int count;
    struct kp_rate here, all; /* of any model */
};

/* From the newest trainings that one attempt has finished. Where a process trained several at once,
 * each gets its share of the time. */
KP_NODISCARD enum kp_status kp_rates_read(const char *database, struct kp_rates *out,
                                          struct kp_error *e);

/* Seconds that a training of a model takes at the speed of this machine, or where that is not known
 * of others (*here = false): that of the same model, or where that is not known of any. Negative:
 * nothing is known. */
double kp_rates_expect(const struct kp_rates *r, const char *model, double flops, bool *here);

#endif
