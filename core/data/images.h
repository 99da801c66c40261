/* images.h - image files as a dataset: packed, or decoded when they are wanted. */
#ifndef KP_DATA_IMAGES_H
#define KP_DATA_IMAGES_H

#include "data/format.h"

/* Fill *d from the files of its storage's catalogue. Packed: find their cache or make it, map it,
 * check the sizes. Live: the catalogue is the dataset; with skip_bad it loses the bad files. */
KP_NODISCARD enum kp_status kp_images_open(const struct kp_dataset_config *config,
                                           struct kp_dataset *d, struct kp_error *e);

/* Has an image of this size what the rule asks for? Else KP_E_CONFIG, which begins with the path of
 * `name` in `folder`. */
KP_NODISCARD enum kp_status kp_image_check(const struct kp_image_rule *r, const char *folder,
                                           const char *name, int64_t height, int64_t width,
                                           struct kp_error *e);

#endif
