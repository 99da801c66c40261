/* clock.h - time. */
#ifndef KP_BASE_CLOCK_H
#define KP_BASE_CLOCK_H

#include <stdint.h>

/* Seconds since some point in the past; never goes back. */
double kp_clock_monotonic(void);

/* Seconds since 1970, UTC. */
double kp_clock_wall(void);

#endif
