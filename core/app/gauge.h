/* gauge.h - how fast a device moves and multiplies numbers, measured. */
#ifndef KP_APP_GAUGE_H
#define KP_APP_GAUGE_H

#include "device/device.h"

struct kp_gauge {
    double memory;   /* bytes that it reads and writes in a second, adding two long vectors */
    double products; /* floating-point operations in a second of a product of square matrices */
    double to_device, from_device; /* bytes in a second between it and the host */
};

/* Takes some seconds. The sizes grow until a run takes long enough to be timed, or memory is short.
 */
KP_NODISCARD enum kp_status kp_gauge_device(struct kp_device *d, struct kp_gauge *out,
                                            struct kp_error *e);

#endif
