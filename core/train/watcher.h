/* watcher.h - what a person watching a run wants to know, and the wish to stop it. */
#ifndef KP_TRAIN_WATCHER_H
#define KP_TRAIN_WATCHER_H

#include <stdbool.h>
#include <stdint.h>

enum kp_phase {
    KP_PHASE_TEACHER_TABLE = 0,
    KP_PHASE_TRAIN = 1,
    KP_PHASE_EVALUATE = 2,
    KP_PHASE_DATA = 3, /* images are decoded into their cache */
    KP_PHASE_ANALYSE = 4,
};

struct kp_progress {
    enum kp_phase phase;
    int64_t epoch, epochs; /* epoch counts from 0 */
    int64_t step, steps;   /* of the whole run; of the phase where it is not TRAIN */
    int64_t samples;
    double samples_per_second; /* of all runs that train together, over the last seconds; 0: not
                                  known yet */
    double seconds_left;       /* of the phase; negative: not known yet */
    double loss;               /* mean of the epoch so far; NaN: none, or several runs at once */
};

/* Who watches and may stop. Called on the training thread, often: it must return at once. Any but
 * `arg` may be NULL. */
struct kp_watcher {
    void *arg;
    void (*progress)(void *arg, const struct kp_progress *p);
    bool (*stop)(void *arg); /* true: finish the step, save, return KP_E_INTERRUPTED */
    void (*note)(void *arg, const char *text); /* something that a person should know */
};

#endif
