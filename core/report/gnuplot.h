/* gnuplot.h - gnuplot as a child process. */
#ifndef KP_REPORT_GNUPLOT_H
#define KP_REPORT_GNUPLOT_H

#include "base/error.h"

/* Run `script` (a name in `folder`) with gnuplot in `folder`, without the user's settings.
 * *there = false, and KP_OK, if there is no gnuplot. Its own words are the error's text. A drawing
 * that takes more than a minute is ended. */
KP_NODISCARD enum kp_status kp_gnuplot_run(const char *folder, const char *script, bool *there,
                                           struct kp_error *e);

#endif
