/* made.h - examples that a dataset plugin makes, inside this room. */
#ifndef KP_DATA_MADE_H
#define KP_DATA_MADE_H

#include "data/data.h"

/* Example i of a split: its bytes to `example`, its class or -1 to *label, or those of its tokens
 * to label [T]. *e holds no error yet. */
KP_NODISCARD enum kp_status kp_made_read(const struct kp_dataset *d, enum kp_split split, int64_t i,
                                         void *example, int32_t *label, struct kp_error *e);

void kp_made_close(struct kp_made *m);

#endif
