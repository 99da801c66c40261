/* images.h - image files as a dataset, by way of a packed cache. */
#ifndef KP_DATA_IMAGES_H
#define KP_DATA_IMAGES_H

#include "data/catalogue.h"
#include "data/format.h"
#include "data/pack.h"

/* Fill *d from the files of the catalogue: find their cache or make it, map it, check the sizes. */
KP_NODISCARD enum kp_status kp_images_open(const struct kp_dataset_config *config,
                                           const struct kp_catalogue *c, struct kp_dataset *d,
                                           struct kp_error *e);

#endif
