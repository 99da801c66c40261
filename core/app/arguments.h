/* arguments.h - the command line of a command, checked. */
#ifndef KP_APP_ARGUMENTS_H
#define KP_APP_ARGUMENTS_H

#include "config/experiment.h"
#include "store/query.h"

struct kp_command;

/* An option means the same in every command that has it. */
enum kp_flag {
    KP_FLAG_SET = 1 << 0,
    KP_FLAG_SWEEP = 1 << 1,
    KP_FLAG_DB = 1 << 2,
    KP_FLAG_THREADS = 1 << 3,
    KP_FLAG_QUIET = 1 << 4,
    KP_FLAG_CELL = 1 << 5,
    KP_FLAG_FORMAT = 1 << 6,
    KP_FLAG_OUT = 1 << 7,
    KP_FLAG_JSON = 1 << 8,
    KP_FLAG_WATCH = 1 << 9,
    KP_FLAG_LIST = 1 << 10,
    KP_FLAG_INI = 1 << 11,
    KP_FLAG_CSV = 1 << 12,
    KP_FLAG_JOBS = 1 << 13,
    KP_FLAG_DRY_RUN = 1 << 14,
    KP_FLAG_ENGINE = 1 << 15,
    KP_FLAG_PRINT = 1 << 16,
    KP_FLAG_AS = 1 << 17,
    KP_FLAG_ONLY = 1 << 18,
    KP_FLAG_DIR = 1 << 19,
    KP_FLAG_TEST = 1 << 20,
    KP_FLAG_SEED = 1 << 21,
    KP_FLAG_TIME = 1 << 22,
    KP_FLAG_MODEL = 1 << 23,
    KP_FLAG_TRAIN = 1 << 24,
    KP_FLAG_SHARE = 1 << 25,
    KP_FLAG_DECODE = 1 << 26,
    KP_FLAG_YES = 1 << 27,
    KP_FLAG_DEVICE = 1 << 28,
};

struct kp_arguments {
    char **typed; /* the whole command line, ends with NULL */
    char **v;     /* the arguments that are no options */
    int count;
    struct kp_override *overrides; /* --set, --sweep and --threads in their order */
    int64_t override_count;
    char *threads; /* the override that --threads stands for */
    const char *db;
    const char *out; /* NULL: not given */
    const char *as;  /* NULL: not given */
    const char *dir; /* NULL: not given */
    bool yes;        /* a large sweep is meant */
    bool quiet, watch, list, ini;
    bool dry_run, print;
    const char *engine;
    const char *device; /* NULL: not given */
    const char *only;   /* NULL: not given */
    const char *model;  /* NULL: not given */
    int64_t train;      /* tokens; 0: not given */
    double share;       /* of the books; negative: not given */
    bool decode;
    int64_t cell; /* from 1; 0: not given */
    int64_t jobs; /* from 1 */
    int64_t seed;
    int64_t seconds; /* from 1 */
    enum kp_query_format format;
};

enum kp_parsed {
    KP_PARSED_RUN = 0,  /* go on */
    KP_PARSED_HELP = 1, /* --help was among them */
    KP_PARSED_BAD = 2,  /* explained on standard error */
};

/* argv[0] is the command's name. May reorder argv; the result points into it. */
KP_NODISCARD enum kp_parsed kp_arguments_parse(const struct kp_command *c, int argc, char **argv,
                                               struct kp_arguments *out);
void kp_arguments_finish(struct kp_arguments *a);

/* The options of `flags` for the help text. */
void kp_arguments_help(unsigned flags);

#endif
