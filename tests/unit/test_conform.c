/* test_conform.c - what the checker of plugins is made of: guarded memory, processes with a limit,
 * symbols of a shared object, and what sanitizers say. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "conform/compile.h"
#include "conform/findings.h"
#include "conform/guard.h"
#include "conform/process.h"
#include "conform/slate.h"
#include "conform/symbols.h"

static void test_guard_finds_writes_around(void **state)
{
    struct kp_guards g = {0};
    struct kp_error e = {0};
    uint8_t *memory = kp_guard_alloc(&g, "the sums", 20, 0x11);

    (void)state;
    assert_non_null(memory);
    assert_int_equal((uintptr_t)memory % 16, 0);
    assert_int_equal(memory[0], 0x11);
    assert_int_equal(memory[19], 0x11);
    memory[19] = 7;
    assert_int_equal(kp_guards_check(&g, &e), KP_OK);
    memory[20] = 7;
    assert_int_equal(kp_guards_check(&g, &e), KP_E_INVALID);
    assert_string_equal(e.text, "it wrote behind the 20 bytes of the sums");
    kp_guards_finish(&g);
    memory = kp_guard_alloc(&g, "the sums", 20, 0);
    memory[-1] = 7;
    assert_int_equal(kp_guards_check(&g, &e), KP_E_INVALID);
    assert_string_equal(e.text, "it wrote before the 20 bytes of the sums");
    kp_guards_finish(&g);
}

/* In a child: do something that is forbidden; the slate has what is said of it. */
static void check_fault(ptrdiff_t at, bool sealed, const char *fault)
{
    struct kp_slate *slate =
        mmap(NULL, sizeof(*slate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct kp_guards g = {0};
        uint8_t *memory = kp_guard_alloc(&g, "the sums", 32, 0);

        kp_guard_watch(slate);
        kp_guard_seal(&g, memory, sealed);
        *(volatile uint8_t *)(memory + at) = 1;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
    assert_string_equal(slate->fault, fault);
    (void)munmap(slate, sizeof(*slate));
}

static void test_guard_names_faults(void **state)
{
    (void)state;
    check_fault(32, false, "it reached behind the end of the sums");
    check_fault(-5000, false, "it reached before the sums");
    check_fault(3, true, "it wrote to the sums, which it must not change");
}

static enum kp_status run(const char *script, double seconds, struct kp_ending *out)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct kp_process p = {
        .argv = argv, .set = {"KAPPA_TEST_WORD=word"}, .slate = -1, .seconds = seconds};
    struct kp_error e = {0};

    *out = (struct kp_ending){0};
    return kp_process_run(&p, out, &e);
}

static void test_process(void **state)
{
    struct kp_ending end;

    (void)state;
    assert_int_equal(run("echo $KAPPA_TEST_WORD; echo wrong >&2; exit 3", 20, &end), KP_OK);
    assert_false(end.late);
    assert_int_equal(WEXITSTATUS(end.status), 3);
    assert_string_equal(end.said.s, "word\nwrong\n");
    kp_text_finish(&end.said);
    assert_int_equal(run("kill -SEGV $$", 20, &end), KP_OK);
    assert_true(WIFSIGNALED(end.status));
    assert_int_equal(WTERMSIG(end.status), SIGSEGV);
    kp_text_finish(&end.said);
    /* what it started dies with it */
    assert_int_equal(run("sleep 60 & sleep 60", 0.2, &end), KP_OK);
    assert_true(end.late);
    assert_true(end.seconds < 20);
    kp_text_finish(&end.said);
    assert_true(kp_process_has("sh"));
    assert_false(kp_process_has("no-such-program"));
}

static void test_symbols(void **state)
{
    struct kp_text out = {0};
    struct kp_error e = {0};

    (void)state;
    assert_int_equal(kp_symbols_exported(KP_BUILD_ROOT "/objectives/kd.so", "nothing", &out, &e),
                     KP_OK);
    assert_non_null(strstr(out.s, "kp_plugin_v1"));
    kp_text_finish(&out);
    assert_int_equal(kp_symbols_exported(KP_SOURCE_ROOT "/tests/unit/test_conform.c", "", &out, &e),
                     KP_E_FORMAT);
    assert_non_null(strstr(e.text, "no shared object"));
    assert_int_equal(kp_symbols_exported("nowhere.so", "", &out, &e), KP_E_IO);
    assert_int_equal(out.length, 0);
}

static void check_said(const char *said, const char *wanted)
{
    char *const sources[] = {(char[]){"/tmp/own.c"}};
    struct kp_text out = {0};

    assert_int_equal(kp_findings_of_sanitizer(said, sources, 1, &out), wanted != NULL);
    if (wanted)
        assert_string_equal(out.s, wanted);
    kp_text_finish(&out);
}

static void test_said(void **state)
{
    struct kp_text out = {0};

    (void)state;
    check_said("", NULL);
    check_said("==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60 at pc 0x7f\n"
               "WRITE of size 8 at 0x60 thread T0\n"
               "    #0 0x7f01 in observe /tmp/own.c:16\n"
               "    #1 0x7f02 in run (/usr/bin/kappa+0x12)\n",
               "AddressSanitizer: heap-buffer-overflow on address 0x60 at pc 0x7f in observe "
               "(own.c:16)");
    check_said("WARNING: ThreadSanitizer: data race (pid=7)\n"
               "  Write of size 8 at 0x7b by main thread:\n"
               "    #0 read /tmp/own.c:28 (plugin.so+0x1199)\n",
               "ThreadSanitizer: data race in read (own.c:28)");
    check_said("/tmp/own.c:8:27: runtime error: shift exponent 152 is too large\n"
               "    #0 0x7f01 in observe /tmp/own.c:8\n",
               "own.c:8:27: runtime error: shift exponent 152 is too large");
    /* what the plugin has no part in */
    check_said("==1==ERROR: LeakSanitizer: detected memory leaks\n"
               "Direct leak of 40 byte(s) in 1 object(s) allocated from:\n"
               "    #0 0x7f01 in malloc (libasan.so)\n"
               "    #1 0x7f02 in dlopen (libc.so)\n"
               "SUMMARY: AddressSanitizer: 40 byte(s) leaked\n",
               NULL);
    check_said("/usr/other.c:8:27: runtime error: shift exponent 152 is too large\n", NULL);
    assert_true(kp_findings_of_valgrind(
        "<error><what>Invalid read of size 8</what><stack><frame><obj>/usr/bin/kappa</obj>"
        "</frame></stack></error>\n"
        "<error><what>Invalid write of size 8</what><stack><frame><obj>/tmp/own.so</obj>"
        "<fn>observe</fn><file>own.c</file><line>12</line></frame></stack></error>",
        "/tmp/own.so", &out));
    assert_string_equal(out.s, "valgrind: Invalid write of size 8 in observe (own.c:12)");
    kp_text_finish(&out);
    assert_false(kp_findings_of_valgrind("<error><what>x</what></error>", "/tmp/own.so", &out));
    assert_false(kp_findings_of_valgrind("", "/tmp/own.so", &out));
}

static void test_sources(void **state)
{
    struct kp_sources_of s;
    struct kp_error e = {0};

    (void)state;
    assert_int_equal(kp_sources_of_init(KP_SOURCE_ROOT "/plugins/template/objective", &s, &e),
                     KP_OK);
    assert_int_equal(s.count, 1); /* without its unit test */
    assert_non_null(strstr(s.v[0], "/my_objective.c"));
    kp_sources_of_finish(&s);
    assert_int_equal(kp_sources_of_init(KP_SOURCE_ROOT "/docs", &s, &e), KP_E_INVALID);
    assert_non_null(strstr(e.text, "no C file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guard_finds_writes_around),
        cmocka_unit_test(test_guard_names_faults),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_said),
        cmocka_unit_test(test_sources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
