/* open_runs.h - the runs of a database that are begun and not done, as a query. */
#ifndef KP_APP_OPEN_RUNS_H
#define KP_APP_OPEN_RUNS_H

/* v_progress with what only this machine can tell, whether a process is still there: `state` is the
 * status, or 'lost' for a running run whose process is gone, and `reason` why it stopped. */
#define KP_OPEN_RUNS                                                                               \
    "SELECT *, iif(gone, 'lost', status) AS state, iif(gone, printf('process %d on %s is gone', "  \
    "pid, host), why) AS reason FROM (SELECT v.*, v.status = 'running' AND NOT alive(host, boot, " \
    "pid, pid_start, heartbeat) AS gone FROM v_progress v)"

#endif
