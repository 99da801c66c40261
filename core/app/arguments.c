/* arguments.c - the options of all commands: parsing and help. */
#include "app/arguments.h"

#include "app/command.h"
#include "app/output.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

struct flag {
    enum kp_flag flag;
    const char *name;
    const char *value; /* what --name=value is called in the help text; NULL: takes none */
    const char *doc;
};

static const struct flag flags_known[] = {
    {KP_FLAG_SET, "set", "SECTION.KEY=VALUE",
     "override a setting; \"teacher:\" before it: the teacher's"},
    {KP_FLAG_SWEEP, "sweep", "SECTION.KEY=A,B", "add an axis to the sweep"},
    {KP_FLAG_DB, "db", "FILE", "the run database; default kappa.db"},
    {KP_FLAG_THREADS, "threads", "N", "threads for each run, 0 for all cores: --set run.threads=N"},
    {KP_FLAG_JOBS, "jobs", "N", "runs at once, each in a process with its share of the threads"},
    {KP_FLAG_YES, "yes", NULL, "a sweep of more than 100 000 cells is meant"},
    {KP_FLAG_QUIET, "quiet", NULL, "say nothing but errors"},
    {KP_FLAG_CELL, "cell", "N", "the run with this number in `kappa plan`"},
    {KP_FLAG_FORMAT, "format", "table|csv|json", "how rows are laid out; default table"},
    {KP_FLAG_CSV, "csv", NULL, "--format csv"},
    {KP_FLAG_JSON, "json", NULL, "as JSON, for programs"},
    {KP_FLAG_OUT, "out", "PATH", "where it goes: report's folder (default report), export's file"},
    {KP_FLAG_AS, "as", "EXP.ini", "the experiment whose one run the weights are"},
    {KP_FLAG_DIR, "dir", "FOLDER", "the folder to make; default NAME"},
    {KP_FLAG_ONLY, "only", "HASH,...", "runs whose configuration hash begins so, and no others"},
    {KP_FLAG_TEST, "only", "TEST", "this test and no other"},
    {KP_FLAG_SEED, "seed", "N", "of all that is drawn; default 1"},
    {KP_FLAG_TIME, "time", "SECONDS", "for each test; default 60"},
    {KP_FLAG_MODEL, "model", "FILE", "the tokeniser, a model of SentencePiece"},
    {KP_FLAG_TRAIN, "train", "VOCABULARY", "make a tokeniser of so many tokens from the books"},
    {KP_FLAG_SHARE, "test", "SHARE", "of the books for the test; default 0.1"},
    {KP_FLAG_DECODE, "decode", NULL, "print the text of token files"},
    {KP_FLAG_DRY_RUN, "dry-run", NULL, "say what would be done and do nothing"},
    {KP_FLAG_DEVICE, "device", "KIND", "measure this device: cpu, cuda or ref"},
    {KP_FLAG_ENGINE, "engine", "NAME", "what runs the tasks; default slurm"},
    {KP_FLAG_PRINT, "print", NULL, "write the script to standard output and submit nothing"},
    {KP_FLAG_WATCH, "watch", NULL, "again every two seconds, until Ctrl-C"},
    {KP_FLAG_LIST, "list", NULL, "one line for each"},
    {KP_FLAG_INI, "ini", NULL, "its resolved configuration alone, as an INI file"},
};

enum {
    FLAGS = sizeof(flags_known) / sizeof(flags_known[0]),
    HELP = 'h',
    FIRST = 1000,
    JOBS_MOST = 1024,
    SECONDS_MOST = 86400
};

/* The known option nearest to what was typed, or NULL. */
static const char *nearest(unsigned accepted, const char *typed)
{
    const char *best = NULL;
    size_t best_distance = 3;
    size_t n = strcspn(typed, "=");
    char word[64];

    if (n >= sizeof(word))
        return NULL;
    memcpy(word, typed, n);
    word[n] = '\0';
    for (int i = 0; i < FLAGS; i++) {
        size_t distance = kp_text_distance(word, flags_known[i].name);
        if ((accepted & flags_known[i].flag) && distance < best_distance) {
            best = flags_known[i].name;
            best_distance = distance;
        }
    }
    return best;
}

static enum kp_parsed bad_option(const struct kp_command *c, const char *typed)
{
    const char *near = strncmp(typed, "--", 2) == 0 ? nearest(c->flags, typed + 2) : NULL;

    if (near)
        kp_say("%s has no option '%s'; did you mean '--%s'?", c->name, typed, near);
    else
        kp_say("%s has no option '%s'; see 'kappa %s --help'", c->name, typed, c->name);
    return KP_PARSED_BAD;
}

/* A whole number from `low` up, in decimal. */
static bool parse_number(const char *text, int64_t low, int64_t *out)
{
    char *end;
    long long v;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno || *end || v < low)
        return false;
    *out = v;
    return true;
}

static enum kp_parsed add_override(struct kp_arguments *a, const char *name, const char *text)
{
    const char *equals = strchr(text, '=');
    const char *dot = strchr(text, '.');

    if (!equals || !dot || dot > equals || dot == text) {
        kp_say("--%s %s: not understood; --%s section.key=value", name, text, name);
        return KP_PARSED_BAD;
    }
    a->overrides[a->override_count++] =
        (struct kp_override){.sweep = strcmp(name, "sweep") == 0, .text = text};
    return KP_PARSED_RUN;
}

static enum kp_parsed add_threads(struct kp_arguments *a, const char *value)
{
    int64_t n;

    if (!parse_number(value, 0, &n)) {
        kp_say("--threads %s: no number of threads; a whole number, 0 for all cores", value);
        return KP_PARSED_BAD;
    }
    free(a->threads);
    a->threads = NULL;
    if (asprintf(&a->threads, "run.threads=%lld", (long long)n) < 0) {
        a->threads = NULL;
        kp_say("out of memory");
        return KP_PARSED_BAD;
    }
    return KP_PARSED_RUN;
}

static enum kp_parsed take_share(struct kp_arguments *a, const char *value)
{
    char *end;
    double share = strtod(value, &end);

    if (end == value || *end || !(share >= 0 && share < 1)) {
        kp_say("--test %s: no share of the books; a number from 0 up to 1, such as 0.1", value);
        return KP_PARSED_BAD;
    }
    a->share = share;
    return KP_PARSED_RUN;
}

static enum kp_parsed take(struct kp_arguments *a, const struct flag *f, const char *value)
{
    switch (f->flag) {
    case KP_FLAG_SET:
    case KP_FLAG_SWEEP:
        return add_override(a, f->name, value);
    case KP_FLAG_DB:
        if (!*value) {
            kp_say("--db: an empty name; --db FILE");
            return KP_PARSED_BAD;
        }
        a->db = value;
        return KP_PARSED_RUN;
    case KP_FLAG_OUT:
        if (!*value) {
            kp_say("--out: an empty name; --out PATH");
            return KP_PARSED_BAD;
        }
        a->out = value;
        return KP_PARSED_RUN;
    case KP_FLAG_DIR:
        if (!*value) {
            kp_say("--dir: an empty name; --dir FOLDER");
            return KP_PARSED_BAD;
        }
        a->dir = value;
        return KP_PARSED_RUN;
    case KP_FLAG_AS:
        a->as = value;
        return KP_PARSED_RUN;
    case KP_FLAG_MODEL:
        a->model = value;
        return KP_PARSED_RUN;
    case KP_FLAG_TRAIN:
        if (parse_number(value, 1, &a->train))
            return KP_PARSED_RUN;
        kp_say("--train %s: no number of tokens; a whole number such as 16384", value);
        return KP_PARSED_BAD;
    case KP_FLAG_SHARE:
        return take_share(a, value);
    case KP_FLAG_DECODE:
        a->decode = true;
        return KP_PARSED_RUN;
    case KP_FLAG_THREADS:
        return add_threads(a, value);
    case KP_FLAG_YES:
        a->yes = true;
        return KP_PARSED_RUN;
    case KP_FLAG_QUIET:
        a->quiet = true;
        return KP_PARSED_RUN;
    case KP_FLAG_DRY_RUN:
        a->dry_run = true;
        return KP_PARSED_RUN;
    case KP_FLAG_PRINT:
        a->print = true;
        return KP_PARSED_RUN;
    case KP_FLAG_ONLY:
    case KP_FLAG_TEST:
        a->only = value;
        return KP_PARSED_RUN;
    case KP_FLAG_DEVICE:
        a->device = value;
        return KP_PARSED_RUN;
    case KP_FLAG_ENGINE:
        a->engine = value;
        return KP_PARSED_RUN;
    case KP_FLAG_JOBS:
        if (parse_number(value, 1, &a->jobs) && a->jobs <= JOBS_MOST)
            return KP_PARSED_RUN;
        kp_say("--jobs %s: no number of processes; a whole number from 1 to %d", value, JOBS_MOST);
        return KP_PARSED_BAD;
    case KP_FLAG_SEED:
        if (parse_number(value, 0, &a->seed))
            return KP_PARSED_RUN;
        kp_say("--seed %s: no seed; a whole number from 0", value);
        return KP_PARSED_BAD;
    case KP_FLAG_TIME:
        if (parse_number(value, 1, &a->seconds) && a->seconds <= SECONDS_MOST)
            return KP_PARSED_RUN;
        kp_say("--time %s: no time; whole seconds from 1 to %d", value, SECONDS_MOST);
        return KP_PARSED_BAD;
    case KP_FLAG_WATCH:
        a->watch = true;
        return KP_PARSED_RUN;
    case KP_FLAG_LIST:
        a->list = true;
        return KP_PARSED_RUN;
    case KP_FLAG_INI:
        a->ini = true;
        return KP_PARSED_RUN;
    case KP_FLAG_CSV:
        a->format = KP_QUERY_CSV;
        return KP_PARSED_RUN;
    case KP_FLAG_JSON:
        a->format = KP_QUERY_JSON;
        return KP_PARSED_RUN;
    case KP_FLAG_CELL:
        if (parse_number(value, 1, &a->cell))
            return KP_PARSED_RUN;
        kp_say("--cell %s: no number of a run; a number that 'kappa plan' shows, from 1", value);
        return KP_PARSED_BAD;
    case KP_FLAG_FORMAT:
        for (int i = KP_QUERY_TABLE; i <= KP_QUERY_JSON; i++) {
            static const char *const words[] = {"table", "csv", "json"};
            if (strcmp(value, words[i]) == 0) {
                a->format = (enum kp_query_format)i;
                return KP_PARSED_RUN;
            }
        }
        kp_say("--format %s: not known; table, csv or json", value);
        return KP_PARSED_BAD;
    }
    return KP_PARSED_BAD;
}

static enum kp_parsed check_count(const struct kp_command *c, int count)
{
    if (count >= c->least && count <= c->most)
        return KP_PARSED_RUN;
    kp_say("%s: too %s arguments; usage: kappa %s %s", c->name, count < c->least ? "few" : "many",
           c->name, c->synopsis);
    return KP_PARSED_BAD;
}

enum kp_parsed kp_arguments_parse(const struct kp_command *c, int argc, char **argv,
                                  struct kp_arguments *out)
{
    struct option table[FLAGS + 2] = {{"help", no_argument, NULL, HELP}};
    struct kp_arguments a = {
        .db = "kappa.db", .engine = "slurm", .share = -1, .jobs = 1, .seed = 1, .seconds = 60};
    enum kp_parsed result = KP_PARSED_RUN;
    int n = 1, found;

    for (int i = 0; i < FLAGS; i++)
        if (c->flags & flags_known[i].flag)
            table[n++] = (struct option){flags_known[i].name,
                                         flags_known[i].value ? required_argument : no_argument,
                                         NULL, FIRST + i};
    /* Every argument may be an override; one more for --threads. */
    a.overrides = calloc((size_t)argc + 1, sizeof(*a.overrides));
    a.typed = calloc((size_t)argc + 1, sizeof(*a.typed));
    if (!a.overrides || !a.typed) {
        kp_say("out of memory");
        result = KP_PARSED_BAD;
        goto out;
    }
    memcpy(a.typed, argv, (size_t)argc * sizeof(*argv)); /* getopt_long() reorders argv */
    opterr = 0;
    optind = 1;
    while (result == KP_PARSED_RUN && (found = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
        if (found == HELP)
            result = KP_PARSED_HELP;
        else if (found >= FIRST)
            result = take(&a, &flags_known[found - FIRST], optarg);
        else if (found == ':') {
            kp_say("%s %s: needs a value; see 'kappa %s --help'", c->name, argv[optind - 1],
                   c->name);
            result = KP_PARSED_BAD;
        } else {
            char letter[] = {'-', (char)optopt, '\0'};
            /* A long option stands before optind; a letter may be one of several. */
            bool is_letter = optopt > 0 && optopt < FIRST && optopt != HELP;
            result = bad_option(c, is_letter ? letter : argv[optind - 1]);
        }
    }
    if (result == KP_PARSED_RUN)
        result = check_count(c, argc - optind);
    a.v = argv + optind;
    a.count = argc - optind;
    if (a.threads)
        a.overrides[a.override_count++] = (struct kp_override){.text = a.threads};
out:
    if (result == KP_PARSED_RUN)
        *out = a;
    else
        kp_arguments_finish(&a);
    return result;
}

void kp_arguments_finish(struct kp_arguments *a)
{
    free(a->overrides);
    free(a->typed);
    free(a->threads);
    *a = (struct kp_arguments){0};
}

void kp_arguments_help(unsigned flags)
{
    (void)printf("\nOptions:\n");
    for (int i = 0; i < FLAGS; i++) {
        const struct flag *f = &flags_known[i];
        char left[64];

        if (!(flags & f->flag))
            continue;
        (void)snprintf(left, sizeof(left), "--%s%s%s", f->name, f->value ? " " : "",
                       f->value ? f->value : "");
        (void)printf("  %-26s %s\n", left, f->doc);
    }
    (void)printf("  %-26s %s\n", "--help", "show this text");
}
