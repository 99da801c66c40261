/* status.h - the one result type of every call that can fail. */
#ifndef KAPPA_STATUS_H
#define KAPPA_STATUS_H

#include "kappa/abi.h"

/* The numbers are stored in the run database: append, never renumber. */
enum kp_status {
    KP_OK = 0,
    KP_E_INVALID = 1,      /* invalid argument or option */
    KP_E_SHAPE = 2,        /* shapes do not fit */
    KP_E_FORMAT = 3,       /* malformed file */
    KP_E_IO = 4,           /* input/output error */
    KP_E_NOMEM = 5,        /* out of memory */
    KP_E_DEVICE = 6,       /* a device or library call failed */
    KP_E_UNSUPPORTED = 7,  /* not supported by this device */
    KP_E_NUMERIC = 8,      /* NaN or infinity */
    KP_E_ABI = 9,          /* plugin was built for another kappa */
    KP_E_CONFIG = 10,      /* the experiment's configuration is wrong */
    KP_E_STORE = 11,       /* the run database refused */
    KP_E_INTERRUPTED = 12, /* stopped by request; the state is saved */
};

#endif
