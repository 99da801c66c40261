/* main.c - the program: finds the command and runs it. */
#include "app/command.h"
#include "app/crash.h"
#include "app/output.h"
#include "study/version.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const struct kp_command *const commands[] = {
    &kp_command_run,    &kp_command_plan,   &kp_command_status,   &kp_command_show,
    &kp_command_diff,   &kp_command_log,    &kp_command_rerun,    &kp_command_list,
    &kp_command_info,   &kp_command_report, &kp_command_claims,   &kp_command_sql,
    &kp_command_export, &kp_command_import, &kp_command_db,       &kp_command_submit,
    &kp_command_new,    &kp_command_check,  &kp_command_tokenise, &kp_command_doctor,
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(void)
{
    (void)printf("usage: kappa COMMAND [ARGUMENT]...\n\n"
                 "Trains teachers and students on chosen amounts of data and keeps a database of\n"
                 "the runs.\n\nCommands:\n");
    for (int i = 0; i < COMMANDS; i++)
        (void)printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
    (void)printf("\n  kappa COMMAND --help    the command's options, an example, exit statuses\n"
                 "  kappa --version         the version\n");
}

void kp_command_help(const struct kp_command *c)
{
    (void)printf("usage: kappa %s %s\n\n%s\n\n%s", c->name, c->synopsis, c->summary, c->details);
    kp_arguments_help(c->flags);
    (void)printf("\nExample:\n%s"
                 "\nExit status:\n"
                 "  0    done\n"
                 "  1    a run failed, or the machine refused (disk, memory, device)\n"
                 "  2    bad usage, configuration or file\n"
                 "  130  interrupted; the state is saved\n",
                 c->example);
}

static const struct kp_command *find(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *best = NULL;
    size_t best_distance = 3;

    for (int i = 0; i < COMMANDS; i++) {
        size_t distance = kp_text_distance(name, commands[i]->name);
        if (distance < best_distance) {
            best = commands[i]->name;
            best_distance = distance;
        }
    }
    if (best)
        kp_say("no command '%s'; did you mean '%s'?", name, best);
    else
        kp_say("no command '%s'; 'kappa --help' lists them", name);
    return KP_EXIT_USAGE;
}

static int run_command(const struct kp_command *c, int argc, char **argv)
{
    struct kp_arguments a = {0};
    int code = KP_EXIT_USAGE;

    switch (kp_arguments_parse(c, argc, argv, &a)) {
    case KP_PARSED_RUN:
        code = c->run(&a);
        kp_arguments_finish(&a);
        break;
    case KP_PARSED_HELP:
        kp_command_help(c);
        code = KP_EXIT_DONE;
        break;
    case KP_PARSED_BAD:
        break;
    }
    return code;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static int dispatch(int argc, char **argv)
{
    const struct kp_command *c;

    if (argc < 2) {
        kp_say("no command; 'kappa --help' lists them");
        return KP_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("kappa %s\n", kp_version);
        return KP_EXIT_DONE;
    }
    if (is_help(argv[1]) && argc == 2) {
        print_help();
        return KP_EXIT_DONE;
    }
    c = find(is_help(argv[1]) ? argv[2] : argv[1]);
    if (!c)
        return unknown(is_help(argv[1]) ? argv[2] : argv[1]);
    if (is_help(argv[1])) {
        kp_command_help(c);
        return KP_EXIT_DONE;
    }
    return run_command(c, argc - 1, argv + 1);
}

/* A pipe whose reader has stopped reading. */
static bool reader_is_gone(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO};
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP)) != 0;
}

/* What could not be written is an error, unless nobody wanted it any more. */
static int finish_output(int code)
{
    errno = 0;
    if ((fflush(stdout) == 0 && !ferror(stdout)) || reader_is_gone())
        return code;
    kp_say("standard output: %s", errno ? strerror(errno) : "not everything could be written");
    return code == KP_EXIT_DONE ? KP_EXIT_FAILED : code;
}

int main(int argc, char **argv)
{
    /* A reader that goes away must not end a training, and a limit on the size of files is an error
     * to be told. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    int code = KP_EXIT_FAILED;
    if (!kp_crash_resume(&argc, &argv, &code))
        return code;
    if (!kp_crash_catch(argc, argv)) {
        kp_say("out of memory");
        return KP_EXIT_FAILED;
    }
    return finish_output(dispatch(argc, argv));
}
