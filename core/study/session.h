/* session.h - what the runs of one execution share: device, datasets, the last teacher. */
#ifndef KP_STUDY_SESSION_H
#define KP_STUDY_SESSION_H

#include "study/study.h"

#define KP_SESSION_DATASETS 4

struct kp_session {
    struct kp_device *device;
    bool stale;      /* it ran out of memory: it is opened anew, with nothing on it */
    int device_kind; /* setting of the open device */
    int64_t device_slice, device_index, device_threads;
    bool device_tf32;
    struct kp_dataset *data[KP_SESSION_DATASETS];
    char *data_key[KP_SESSION_DATASETS];
    int data_next;
    struct kp_teacher *teacher;
    char *teacher_key;
};

/* The device of a configuration; the open one is kept while the settings are the same. A note tells
 * which was taken. */
KP_NODISCARD enum kp_status kp_session_device(struct kp_session *s, const struct kp_config *c,
                                              const struct kp_study_watcher *w, struct kp_error *e);

/* The dataset of a configuration, opened once. The watcher sees images being decoded; NULL: only
 * counts and shape are wanted, see kp_dataset_config.count_only. */
KP_NODISCARD enum kp_status kp_session_data(struct kp_session *s, struct kp_config *c,
                                            const struct kp_study_watcher *w,
                                            struct kp_dataset **out, struct kp_error *e);

/* The teacher made by `config`, from its weights, for runs of this precision; the last one is kept.
 */
KP_NODISCARD enum kp_status kp_session_teacher(struct kp_session *s, struct kp_config *config,
                                               enum kp_precision precision, const char *weights,
                                               const char *uid, const struct kp_dataset *data,
                                               struct kp_teacher **out, struct kp_error *e);

void kp_session_finish(struct kp_session *s);

#endif
