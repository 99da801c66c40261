/* check.c - `kappa check`: does a plugin keep its part of the contract? */
#include "conform/check.h"

#include "app/command.h"
#include "app/output.h"
#include "base/program.h"
#include "conform/trial.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

struct report {
    bool json;
    cJSON *tests; /* with json */
    int count[KP_VERDICT_NOT_CHECKED + 1];
};

static const char *const verdicts[] = {"", "passed", "failed", "not checked"};

static void print_line(const struct kp_check_line *line)
{
    static const enum kp_colour colours[] = {KP_RED, KP_GREEN, KP_RED, KP_YELLOW};
    const enum kp_colour colour = colours[line->verdict];

    (void)printf("%s%-11s%s  ", kp_colour_on(stdout, colour), verdicts[line->verdict],
                 kp_colour_off(stdout));
    if (*line->kind)
        (void)printf("%s %s: ", line->kind, line->name);
    (void)printf("%s", line->test);
    if (*line->why)
        (void)printf(": %s", line->why);
    (void)printf("\n");
    (void)fflush(stdout);
}

static void add_line(cJSON *tests, const struct kp_check_line *line)
{
    cJSON *test = cJSON_CreateObject();

    (void)cJSON_AddStringToObject(test, "kind", line->kind);
    (void)cJSON_AddStringToObject(test, "name", line->name);
    (void)cJSON_AddStringToObject(test, "test", line->test);
    (void)cJSON_AddStringToObject(test, "verdict", verdicts[line->verdict]);
    (void)cJSON_AddStringToObject(test, "why", line->why);
    (void)cJSON_AddNumberToObject(test, "seconds", line->seconds);
    (void)cJSON_AddItemToArray(tests, test);
}

static void tell(void *arg, const struct kp_check_line *line)
{
    struct report *r = arg;

    r->count[line->verdict]++;
    if (r->json)
        add_line(r->tests, line);
    else
        print_line(line);
}

static void print_json(const struct report *r, const struct kp_check *c)
{
    cJSON *all = cJSON_CreateObject();
    char *text;

    (void)cJSON_AddStringToObject(all, "path", c->path);
    (void)cJSON_AddNumberToObject(all, "seed", (double)c->seed);
    for (int v = KP_VERDICT_PASSED; v <= KP_VERDICT_NOT_CHECKED; v++)
        (void)cJSON_AddNumberToObject(
            all, v == KP_VERDICT_NOT_CHECKED ? "not_checked" : verdicts[v], r->count[v]);
    (void)cJSON_AddItemToObject(all, "tests", r->tests);
    text = cJSON_Print(all);
    (void)puts(text ? text : "");
    cJSON_free(text);
    cJSON_Delete(all);
}

/* Is there a test of this name? */
static bool is_test(const char *name)
{
    struct kp_text names = {0};
    char *rest, *known;
    bool found = false;

    kp_check_names(&names);
    rest = names.s;
    while (!found && (known = strsep(&rest, " ")) != NULL)
        found = strcmp(known, name) == 0;
    kp_text_finish(&names);
    if (!found) {
        kp_check_names(&names);
        kp_say("--only %s: no such test; %s", name, names.s ? names.s : "");
        kp_text_finish(&names);
    }
    return found;
}

static int command_check(const struct kp_arguments *a)
{
    struct kp_slate *slate = kp_slate_inherited();
    struct report report = {.json = a->format == KP_QUERY_JSON};
    struct kp_check c = {.path = a->v[0],
                         .only = a->only,
                         .seed = (uint64_t)a->seed,
                         .seconds = (double)a->seconds,
                         .tell = tell,
                         .arg = &report};
    char *program = NULL, *headers = NULL;
    struct kp_error e = {0};

    if (slate) {
        kp_trial_run(slate);
        return KP_EXIT_DONE;
    }
    if (a->only && !is_test(a->only))
        return KP_EXIT_USAGE;
    enum kp_status st = kp_program_path(&program, &e);
    if (st == KP_OK)
        st = kp_program_headers(&headers, &e);
    c.program = program;
    c.headers = headers;
    report.tests = report.json ? cJSON_CreateArray() : NULL;
    if (st == KP_OK && !report.json)
        (void)printf("%s, seed %lld\n", c.path, (long long)a->seed);
    if (st == KP_OK)
        st = kp_check_run(&c, &e);
    if (report.json && st == KP_OK)
        print_json(&report, &c);
    else
        cJSON_Delete(report.tests);
    if (st == KP_OK && !report.json)
        (void)printf("%d passed, %d failed, %d not checked\n", report.count[KP_VERDICT_PASSED],
                     report.count[KP_VERDICT_FAILED], report.count[KP_VERDICT_NOT_CHECKED]);
    free(program);
    free(headers);
    if (st != KP_OK)
        return kp_say_error(&e);
    if (report.count[KP_VERDICT_PASSED] + report.count[KP_VERDICT_FAILED] +
            report.count[KP_VERDICT_NOT_CHECKED] ==
        0) {
        kp_say("%s: nothing in it has a test '%s'", c.path, a->only ? a->only : "");
        return KP_EXIT_USAGE;
    }
    return report.count[KP_VERDICT_FAILED] > 0 ? KP_EXIT_FAILED : KP_EXIT_DONE;
}

const struct kp_command kp_command_check = {
    .name = "check",
    .summary = "does a plugin keep its part of the contract?",
    .synopsis = "FOLDER|FILE.c|FILE.so [OPTION]...",
    .details =
        "Tests whatever the plugin defines: its manifest, options at their bounds, odd shapes,\n"
        "gradients against finite differences, the fast device against the reference, two at "
        "once,\n"
        "the same bits twice, failing memory, leaks. Each test runs in a process of its own, so a\n"
        "crash, an endless loop or an exit() fails that test alone. A folder (its C files but\n"
        "test_*.c) or a C file is compiled with $CC, or cc, and once more with AddressSanitizer,\n"
        "UndefinedBehaviorSanitizer and ThreadSanitizer. With valgrind installed that watches "
        "too.\n"
        "The status is 1 if a test failed.\n",
    .example = "  kappa check my_loss\n  kappa check my_loss.so --only gradients --seed 7\n",
    .flags = KP_FLAG_JSON | KP_FLAG_SEED | KP_FLAG_TEST | KP_FLAG_TIME,
    .least = 1,
    .most = 1,
    .run = command_check,
};
