/* uid.h - public names of runs. */
#ifndef KP_STORE_UID_H
#define KP_STORE_UID_H

#include "store/store.h"

/* 26 characters of Crockford's base 32: 48 bits of milliseconds since 1970, then 80 random bits of
 * the kernel. Sorts by time. */
KP_NODISCARD enum kp_status kp_uid_make(char out[KP_UID_SIZE], struct kp_error *e);

#endif
