/* run_uid.c - a run of a database by the beginning of its uid. */
#include "app/run_uid.h"

#include "app/answer.h"
#include "app/output.h"
#include "base/file.h"

#include <stdio.h>

int kp_run_uid(const char *database, const char *prefix, char uid[KP_UID_SIZE])
{
    struct kp_answer answer = {0};
    struct kp_error e = {0};
    char sql[160], *word;
    int found = 0, code = KP_EXIT_DONE;

    if (!kp_is_uid(prefix)) {
        kp_say("%s: no uid of a run; its first letters and digits, as 'kappa status' and "
               "'kappa sql \"SELECT uid, name FROM run\"' show them",
               prefix);
        return KP_EXIT_USAGE;
    }
    if (!kp_file_exists(database)) {
        kp_say("%s: no such database; '--db FILE' names another", database);
        return KP_EXIT_USAGE;
    }
    (void)snprintf(sql, sizeof(sql),
                   "SELECT uid FROM run WHERE uid >= upper('%s') AND uid < upper('%s') || '~' "
                   "ORDER BY uid LIMIT 2",
                   prefix, prefix);
    if (kp_answer_ask(database, sql, &answer, &e) != KP_OK) {
        code = kp_say_error(&e);
        goto out;
    }
    while (kp_answer_next(&answer, &word, 1)) {
        if (++found == 1)
            (void)snprintf(uid, KP_UID_SIZE, "%s", word);
        else if (found == 2)
            kp_say("%s: begins more than one uid: %s and %s; give more of it", prefix, uid, word);
    }
    if (found == 0)
        kp_say("%s: no run of %s; 'kappa sql --db %s \"SELECT uid, name FROM run\"' lists the runs",
               prefix, database, database);
    if (found != 1)
        code = KP_EXIT_USAGE;
out:
    kp_answer_finish(&answer);
    return code;
}
