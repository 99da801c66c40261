/* run_uid.h - a run of a database by the beginning of its uid. */
#ifndef KP_APP_RUN_UID_H
#define KP_APP_RUN_UID_H

#include "store/store.h"

/* The one run of `database` whose uid begins with `prefix` (letters in either case). Says on
 * standard error what is wrong with another; returns an exit status. */
KP_NODISCARD int kp_run_uid(const char *database, const char *prefix, char uid[KP_UID_SIZE]);

#endif
