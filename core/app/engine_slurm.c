/* engine_slurm.c - tasks as job arrays of Slurm. */
#include "app/engine.h"
#include "app/quote.h"

#include <string.h>

#define ARRAY_MOST    1000 /* elements of an array; Slurm's own limit is 1001 unless it is set */
#define ANALYSES_MOST 1000 /* of one command line */

static void assign(struct kp_text *out, const char *name, const char *value)
{
    kp_text_addf(out, "%s=", name);
    kp_quote(value, out);
    kp_text_add(out, "\n");
}

/* Every script begins alike: it may start on any machine, in any folder. */
static void begin_script(const struct kp_submission *s, struct kp_text *out)
{
    kp_text_add(out, "set -eu\ncd ");
    kp_quote(s->where, out);
    kp_text_add(out, "\n");
    assign(out, "kappa", s->kappa);
    assign(out, "experiment", s->plan->path);
    assign(out, "db", s->database);
    assign(out, "folder", s->folder);
}

/* A line for each task: its database, the hashes of its runs. The name is that of the first run, so
 * that a task that is submitted again finds what it had done. */
static void write_lists(const struct kp_submission *s, struct kp_text *out)
{
    for (int stage = 0; stage < s->tasks->stages; stage++) {
        kp_text_addf(out, "cat >\"$folder/stage%d\" <<'END'\n", stage);
        for (int64_t i = 0; i < s->tasks->count; i++) {
            const struct kp_task *t = &s->tasks->v[i];
            if (t->stage != stage)
                continue;
            for (int64_t k = 0; k < t->count; k++) {
                const char *hash = s->plan->runs[t->runs[k]].hashes.config;
                if (k == 0)
                    kp_text_addf(out, "%.*s ", KP_SUBMISSION_HASH, hash);
                kp_text_addf(out, "%s%.*s", k > 0 ? "," : "", KP_SUBMISSION_HASH, hash);
            }
            kp_text_add(out, "\n");
        }
        kp_text_add(out, "END\n");
    }
}

static void write_task(const struct kp_submission *s, struct kp_text *out)
{
    kp_text_add(out, "cat >\"$folder/task.sh\" <<'END'\n#!/bin/sh\n"
                     "# task.sh LIST - an element of the array: the runs of a line of LIST, and of "
                     "the lines that\n# stand a whole array further down.\n");
    begin_script(s, out);
    kp_text_addf(out,
                 "line=$SLURM_ARRAY_TASK_ID\n"
                 "status=0\n"
                 "while task=$(sed -n \"${line}p\" \"$folder/$1\") && [ -n \"$task\" ]; do\n"
                 "    own=$folder/${task%%%% *}.db\n"
                 "    [ ! -e \"$folder/base.db\" ] ||\n"
                 "        \"$kappa\" db merge --quiet \"$own\" \"$folder/base.db\"\n"
                 "    \"$kappa\" run \"$experiment\" --db \"$own\" --only \"${task#* }\"%s || "
                 "status=$?\n"
                 "    line=$((line + %d))\n"
                 "done\n"
                 "exit $status\nEND\n",
                 s->options, ARRAY_MOST);
}

static void write_merge(const struct kp_submission *s, struct kp_text *out)
{
    kp_text_add(out, "cat >\"$folder/merge.sh\" <<'END'\n#!/bin/sh\n"
                     "# merge.sh INTO LIST... - joins the databases of the tasks, as far as they "
                     "came.\n");
    begin_script(s, out);
    kp_text_add(out, "into=$1\n"
                     "shift\n"
                     "names=$(cd \"$folder\" && cut -d' ' -f1 \"$@\")\n"
                     "set --\n"
                     "for name in $names; do\n"
                     "    [ ! -e \"$folder/$name.db\" ] || set -- \"$@\" \"$folder/$name.db\"\n"
                     "done\n"
                     "[ $# -eq 0 ] || \"$kappa\" db merge \"$into\" \"$@\"\nEND\n");
}

/* Analyses look at the runs of many tasks: they come behind the last merge. */
static void write_analyse(const struct kp_submission *s, struct kp_text *out)
{
    int64_t in_line = 0;

    kp_text_add(out, "cat >\"$folder/analyses\" <<'END'\n");
    for (const char *hash = s->analyses; *hash;) {
        size_t n = strcspn(hash, ",");
        kp_text_add(out, in_line == 0 ? "" : in_line % ANALYSES_MOST == 0 ? "\n" : ",");
        kp_text_add_bytes(out, hash, n);
        in_line++;
        hash += n + (hash[n] == ',');
    }
    kp_text_add(out, "\nEND\n");
    kp_text_add(out, "cat >\"$folder/analyse.sh\" <<'END'\n#!/bin/sh\n"
                     "# analyse.sh - the analyses of runs that are done.\n");
    begin_script(s, out);
    kp_text_addf(
        out,
        "status=0\n"
        "while read -r hashes; do\n"
        "    \"$kappa\" run \"$experiment\" --db \"$db\" --only \"$hashes\"%s </dev/null || "
        "status=$?\n"
        "done <\"$folder/analyses\"\n"
        "exit $status\nEND\n",
        s->options);
}

/* name=$(sbatch ...): `more` are further options, `script` with its arguments ends the line. */
static void submit(struct kp_text *out, const char *name, int number, const char *more,
                   const char *script)
{
    kp_text_addf(out,
                 "%s%d=$(sbatch --parsable --job-name=kappa-%s%d \\\n"
                 "    --output=\"$folder/%%x-%%j.log\" %s\\\n    %s)\n"
                 "%s%d=${%s%d%%%%;*}\n",
                 name, number, name, number, more, script, name, number, name, number);
}

static void submit_stage(const struct kp_submission *s, int stage, struct kp_text *out)
{
    struct kp_text more = {0}, script = {0};
    int64_t tasks = 0;

    for (int64_t i = 0; i < s->tasks->count; i++)
        tasks += s->tasks->v[i].stage == stage;
    kp_text_addf(&more, "--cpus-per-task=%lld --array=1-%lld ", (long long)s->threads,
                 (long long)(tasks < ARRAY_MOST ? tasks : ARRAY_MOST));
    if (stage > 0)
        kp_text_addf(&more, "--dependency=afterok:$merge%d ", stage - 1);
    kp_text_addf(&script, "\"$folder/task.sh\" stage%d", stage);
    submit(out, "stage", stage, more.s ? more.s : "", script.s ? script.s : "");
    out->failed |= more.failed || script.failed;
    kp_text_finish(&more);
    kp_text_finish(&script);
}

/* What a stage has made goes to the tasks of the next one; all of it, in the end, to the database.
 */
static void submit_merge(const struct kp_submission *s, int stage, struct kp_text *out)
{
    bool last = stage == s->tasks->stages - 1;
    struct kp_text more = {0}, script = {0};

    kp_text_addf(&more, "--dependency=afterany:$stage%d ", stage);
    kp_text_addf(&script, "\"$folder/merge.sh\" %s", last ? "\"$db\"" : "\"$folder/base.db\"");
    for (int i = last ? 0 : stage; i <= stage; i++)
        kp_text_addf(&script, " stage%d", i);
    submit(out, "merge", stage, more.s ? more.s : "", script.s ? script.s : "");
    out->failed |= more.failed || script.failed;
    kp_text_finish(&more);
    kp_text_finish(&script);
}

static void submit_analyses(const struct kp_submission *s, struct kp_text *out)
{
    struct kp_text more = {0};

    kp_text_addf(&more, "--cpus-per-task=%lld ", (long long)s->threads);
    if (s->tasks->stages > 0)
        kp_text_addf(&more, "--dependency=afterok:$merge%d ", s->tasks->stages - 1);
    submit(out, "analyses", 0, more.s ? more.s : "", "\"$folder/analyse.sh\"");
    out->failed |= more.failed;
    kp_text_finish(&more);
}

static void write(const struct kp_submission *s, struct kp_text *out)
{
    kp_text_addf(
        out, "#!/bin/sh\n"
             "# Submits the missing runs of an experiment as Slurm jobs; written by kappa submit."
             "\n# sbatch takes further options from its environment: SBATCH_PARTITION, "
             "SBATCH_TIMELIMIT, ...\n");
    begin_script(s, out);
    kp_text_add(out, "mkdir -p \"$folder\"\n\n");
    write_lists(s, out);
    write_task(s, out);
    write_merge(s, out);
    if (*s->analyses)
        write_analyse(s, out);
    kp_text_add(out, "\n");
    if (*s->given)
        kp_text_addf(out, "\"$kappa\" db merge --quiet --only %s \"$folder/base.db\" \"$db\"\n",
                     s->given);
    for (int stage = 0; stage < s->tasks->stages; stage++) {
        submit_stage(s, stage, out);
        submit_merge(s, stage, out);
    }
    if (*s->analyses)
        submit_analyses(s, out);
    kp_text_add(out, "echo \"submitted; squeue shows the jobs, $folder has their logs\"\n");
}

const struct kp_engine kp_engine_slurm = {
    .name = "slurm",
    .program = "sbatch",
    .missing = "Slurm is not installed here",
    .write = write,
};
