/* command.h - what a command of the program is. */
#ifndef KP_APP_COMMAND_H
#define KP_APP_COMMAND_H

#include "app/arguments.h"

struct kp_command {
    const char *name;
    const char *summary;                      /* one line for the list of commands */
    const char *synopsis;                     /* after "kappa NAME" */
    const char *details;                      /* paragraphs of the help text */
    const char *example;                      /* lines, each a command */
    unsigned flags;                           /* enum kp_flag it accepts */
    int least, most;                          /* arguments that are no options */
    int (*run)(const struct kp_arguments *a); /* the exit status, enum kp_exit */
};

extern const struct kp_command kp_command_run, kp_command_plan, kp_command_show, kp_command_list,
    kp_command_info, kp_command_report, kp_command_claims, kp_command_doctor, kp_command_sql,
    kp_command_status, kp_command_diff, kp_command_log, kp_command_rerun, kp_command_export,
    kp_command_import, kp_command_db, kp_command_submit, kp_command_new, kp_command_check,
    kp_command_tokenise;

void kp_command_help(const struct kp_command *c);

#endif
