/* show_run.h - the record of a run. */
#ifndef KP_APP_SHOW_RUN_H
#define KP_APP_SHOW_RUN_H

/* Print all that the database holds of the run whose uid begins with `uid` (see kp_is_uid()).
 * Returns an exit status. */
int kp_show_run(const char *database, const char *uid);

#endif
