/* show_run.h - the record of a run. */
#ifndef KP_APP_SHOW_RUN_H
#define KP_APP_SHOW_RUN_H

#include "base/error.h"
#include "base/text.h"

/* Print all that the database holds of the run whose uid begins with `prefix`, or its resolved
 * configuration alone, as the INI file that gives the same run. Each returns an exit status. */
int kp_show_run(const char *database, const char *prefix);
int kp_show_ini(const char *database, const char *prefix);

/* The resolved configuration of a run; `uid` is whole. */
KP_NODISCARD enum kp_status kp_run_ini(const char *database, const char *uid, struct kp_text *out,
                                       struct kp_error *e);

#endif
