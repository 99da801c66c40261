/* gather.h - the bytes of an example as they are loaded: from any layout, decoded, cut, averaged.
 */
#ifndef KP_DATA_GATHER_H
#define KP_DATA_GATHER_H

#include "base/rng.h"
#include "data/data.h"

/* What one thread needs to gather examples of a split: it keeps its memory, and the decoder of
 * image files, from example to example. The dataset outlives it. */
struct kp_gatherer;

KP_NODISCARD enum kp_status kp_gatherer_create(const struct kp_dataset *d, enum kp_split split,
                                               struct kp_gatherer **out, struct kp_error *e);
void kp_gatherer_destroy(struct kp_gatherer *g);

/* Write example i to out [C][H][W], the dataset's shape. From an image the square in the middle is
 * taken or, if `pieces` is given, the piece that kp_draw_cut() draws by it, resized. An image file
 * that is decoded here may turn out bad: KP_E_FORMAT, KP_E_IO, or KP_E_CONFIG for its size, with a
 * text that begins with its path. Else only KP_E_NOMEM is possible, and for pieces only. */
KP_NODISCARD enum kp_status kp_gather(struct kp_gatherer *g, int64_t i,
                                      const struct kp_rng_key *pieces, uint8_t *out,
                                      struct kp_error *e);

#endif
