/* clock.h - time. */
#ifndef KP_BASE_CLOCK_H
#define KP_BASE_CLOCK_H

#include <stdint.h>

/* Seconds since some point in the past; never goes back. */
double kp_clock_monotonic(void);

/* Seconds since 1970, UTC: the wall clock at the first call, counted on by a clock that nobody
 * sets. Heartbeats and the order of events do not follow a wall clock that jumps. */
double kp_clock_wall(void);

#endif
