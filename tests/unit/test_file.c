/* test_file.c - reading, inflating, mapping and replacing files. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static char folder[] = "/tmp/kappa-file-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][256];
    static int turn;

    turn = (turn + 1) % 4;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    FILE *f = fopen(in_folder(name), "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/* gzip-packed `bytes` at `to`; returns the packed size. */
static size_t pack(const void *bytes, size_t size, uint8_t *to, size_t room)
{
    z_stream z = {0};

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)size;
    z.next_out = to;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t packed = room - z.avail_out;
    deflateEnd(&z);
    return packed;
}

static int entries_in_folder(void)
{
    int count = 0;
    DIR *d = opendir(folder);

    assert_non_null(d);
    for (const struct dirent *x = readdir(d); x; x = readdir(d))
        count += x->d_name[0] != '.';
    closedir(d);
    return count;
}

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/kappa-file-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
    char command[300];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void refused(const char *name, size_t limit, const char *words)
{
    struct kp_error e = {0};
    uint8_t *bytes = NULL;
    size_t size = 77;

    assert_int_not_equal(kp_file_read(in_folder(name), limit, &bytes, &size, &e), KP_OK);
    assert_int_equal(e.status == KP_E_FORMAT || e.status == KP_E_IO, 1);
    if (!strstr(e.text, name) || !strstr(e.text, words))
        fail_msg("'%s' does not name '%s' and '%s'", e.text, name, words);
    assert_null(bytes);
    assert_int_equal(size, 77);
}

static void plain_files_are_read_whole(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 100000};
    static uint8_t text[100001];
    struct kp_error e = {0};
    (void)state;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *bytes = NULL;
        size_t size = 0;
        write_file("a", text, sizes[i]);
        assert_int_equal(kp_file_read(in_folder("a"), sizes[i], &bytes, &size, &e), KP_OK);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(bytes, text, size);
        assert_int_equal(bytes[size], 0);
        free(bytes);
    }
    write_file("a", text, 11);
    refused("a", 10, "at most 10");
    refused("missing", 10, "No such file");
    assert_int_equal(mkdir(in_folder("d"), 0777), 0);
    refused("d", 10, "is a folder");
}

static void pipes_are_read_to_their_end(void **state)
{
    char path[64];
    int ends[2];
    struct kp_error e = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    static uint8_t text[20000];
    (void)state;

    for (int limit = 20000; limit >= 19999; limit--) {
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], text, sizeof text), sizeof text);
        close(ends[1]);
        (void)snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
        enum kp_status st = kp_file_read(path, (size_t)limit, &bytes, &size, &e);
        assert_int_equal(st, limit == 20000 ? KP_OK : KP_E_FORMAT);
        if (!st)
            assert_int_equal(size, sizeof text);
        close(ends[0]);
        free(bytes);
        bytes = NULL;
    }
}

static void gzip_files_are_inflated(void **state)
{
    static const size_t sizes[] = {0, 1, 5000, 300000};
    static uint8_t text[300000], packed[400000];
    struct kp_error e = {0};
    (void)state;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * i >> 8);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *bytes = NULL;
        size_t size = 0;
        size_t n = pack(text, sizes[i], packed, sizeof packed);
        write_file("a.gz", packed, n);
        assert_int_equal(kp_file_read(in_folder("a.gz"), sizes[i], &bytes, &size, &e), KP_OK);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(bytes, text, size);
        assert_int_equal(bytes[size], 0);
        free(bytes);
        if (sizes[i])
            refused("a.gz", sizes[i] - 1, "the limit");

        /* Two members count as one file. */
        size_t two = n + pack("tail", 4, packed + n, sizeof packed - n);
        write_file("a.gz", packed, two);
        bytes = NULL;
        assert_int_equal(kp_file_read(in_folder("a.gz"), sizes[i] + 4, &bytes, &size, &e), KP_OK);
        assert_int_equal(size, sizes[i] + 4);
        assert_memory_equal(bytes + sizes[i], "tail", 4);
        free(bytes);
    }
}

static void damaged_gzip_files_are_refused(void **state)
{
    static uint8_t text[50000], packed[60000], bad[60000];
    (void)state;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * i >> 8);
    size_t n = pack(text, sizeof text, packed, sizeof packed);

    for (size_t cut = 2; cut < n; cut += cut < 20 || cut > n - 20 ? 1 : 997) {
        write_file("cut.gz", packed, cut);
        refused("cut.gz", sizeof text, "truncated");
    }
    write_file("none.gz", packed, 0);
    refused("none.gz", 10, "no gzip data");
    write_file("plain.gz", "[model]\n", 8);
    refused("plain.gz", 10, "no gzip data");
    memcpy(bad, packed, n);
    memcpy(bad + n, "xyz", 3);
    write_file("more.gz", bad, n + 3);
    refused("more.gz", sizeof text, "3 bytes behind");
    memcpy(bad, packed, n);
    bad[n - 6] ^= 1; /* the check sum */
    write_file("sum.gz", bad, n);
    refused("sum.gz", sizeof text, "damaged");
    memset(bad + 10, 0xff, 20);
    write_file("body.gz", bad, n);
    refused("body.gz", sizeof text, "damaged");
}

/* 40 MB of zeros in 40 kB, with a size note that lies. */
static void a_decompression_bomb_stops_at_the_limit(void **state)
{
    size_t size = 40u << 20;
    static uint8_t packed[200000];
    (void)state;

    uint8_t *zeros = calloc(1, size);
    assert_non_null(zeros);
    size_t n = pack(zeros, size, packed, sizeof packed);
    free(zeros);
    write_file("bomb.gz", packed, n);
    refused("bomb.gz", 1000000, "more than 1000000");
    memset(packed + n - 4, 0xff, 4);
    write_file("bomb.gz", packed, n);
    refused("bomb.gz", 1000000, "more than 1000000");
}

static void files_are_mapped(void **state)
{
    struct kp_mapping m = {0};
    struct kp_error e = {0};
    (void)state;

    write_file("m", "bytes", 5);
    assert_int_equal(kp_file_map(in_folder("m"), &m, &e), KP_OK);
    assert_int_equal(m.size, 5);
    assert_memory_equal(m.bytes, "bytes", 5);
    kp_file_unmap(&m);
    kp_file_unmap(&m);
    write_file("m", "", 0);
    assert_int_equal(kp_file_map(in_folder("m"), &m, &e), KP_OK);
    assert_null(m.bytes);
    assert_int_equal(m.size, 0);
    assert_int_equal(kp_file_map(in_folder("none"), &m, &e), KP_E_IO);
    assert_non_null(strstr(e.text, "none"));
    assert_int_equal(kp_file_map("/dev/null", &m, &e), KP_E_IO);
    assert_int_equal(kp_file_map(folder, &m, &e), KP_E_IO);
}

static void expect_content(const char *name, const char *content)
{
    struct kp_error e = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;

    assert_int_equal(kp_file_read(in_folder(name), 1000, &bytes, &size, &e), KP_OK);
    assert_string_equal((char *)bytes, content);
    free(bytes);
}

static void a_replaced_file_appears_whole(void **state)
{
    struct kp_replace r = {0};
    struct kp_error e = {0};
    (void)state;

    write_file("w", "old", 3);
    assert_int_equal(kp_replace_begin(in_folder("w"), &r, &e), KP_OK);
    kp_replace_write(&r, "new ", 4);
    kp_replace_write(&r, "content", 7);
    expect_content("w", "old");
    assert_int_equal(entries_in_folder(), 2);
    assert_int_equal(kp_replace_commit(&r, &e), KP_OK);
    expect_content("w", "new content");
    assert_int_equal(entries_in_folder(), 1);
    kp_replace_abandon(&r);

    assert_int_equal(kp_replace_begin(in_folder("w"), &r, &e), KP_OK);
    kp_replace_write(&r, "half", 4);
    kp_replace_abandon(&r);
    kp_replace_abandon(&r);
    expect_content("w", "new content");
    assert_int_equal(entries_in_folder(), 1);

    struct kp_replace never = {0};
    kp_replace_abandon(&never);
    assert_true(fcntl(0, F_GETFD) >= 0 || errno == EBADF);

    assert_int_equal(kp_replace_begin(in_folder("no/folder"), &r, &e), KP_E_IO);
    assert_non_null(strstr(e.text, "no/folder"));
}

/* A size limit on files stands in for a full disk: the first write is cut short, the next fails. */
static void a_full_disk_keeps_the_old_file(void **state)
{
    struct kp_replace r = {0};
    struct kp_error e = {0};
    struct rlimit old, small;
    static char block[8192];
    (void)state;

    write_file("w", "old", 3);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 5000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(kp_replace_begin(in_folder("w"), &r, &e), KP_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    kp_replace_write(&r, block, sizeof block);
    kp_replace_write(&r, block, sizeof block);
    enum kp_status st = kp_replace_commit(&r, &e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(st, KP_E_IO);
    assert_non_null(strstr(e.text, strerror(EFBIG)));
    assert_non_null(strstr(e.text, "/w: cannot write"));
    expect_content("w", "old");
    assert_int_equal(entries_in_folder(), 1);
}

static void folders_are_made_with_their_parents(void **state)
{
    struct kp_error e = {0};
    (void)state;

    assert_int_equal(kp_folder_make(in_folder("a/b//c/"), &e), KP_OK);
    assert_true(kp_file_exists(in_folder("a/b/c")));
    assert_int_equal(kp_folder_make(in_folder("a/b/c"), &e), KP_OK);
    assert_int_equal(kp_folder_make("/", &e), KP_OK);
    write_file("f", "", 0);
    assert_int_equal(kp_folder_make(in_folder("f/g"), &e), KP_E_IO);
    assert_non_null(strstr(e.text, "/f: is a file"));
    assert_int_equal(kp_folder_make("/proc/none", &e), KP_E_IO);
    assert_false(kp_file_exists(in_folder("none")));
}

static void expect_path(char *path, const char *expected)
{
    assert_string_equal(path, expected);
    free(path);
}

static void paths_are_put_together(void **state)
{
    (void)state;
    expect_path(kp_path_beside("a/b.ini", "c.ini"), "a/c.ini");
    expect_path(kp_path_beside("b.ini", "c.ini"), "c.ini");
    expect_path(kp_path_beside("/b.ini", "c.ini"), "/c.ini");
    expect_path(kp_path_beside("a/b.ini", "/x/c.ini"), "/x/c.ini");
    expect_path(kp_path_beside("a/b/c.ini", "../d.ini"), "a/b/../d.ini");
    expect_path(kp_path_join("a", "b"), "a/b");
    expect_path(kp_path_join("a/", "b"), "a/b");
    expect_path(kp_path_join("", "b"), "b");
    expect_path(kp_path_join("a", "/b"), "/b");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(plain_files_are_read_whole),
        IN_FOLDER(pipes_are_read_to_their_end),
        IN_FOLDER(gzip_files_are_inflated),
        IN_FOLDER(damaged_gzip_files_are_refused),
        IN_FOLDER(a_decompression_bomb_stops_at_the_limit),
        IN_FOLDER(files_are_mapped),
        IN_FOLDER(a_replaced_file_appears_whole),
        IN_FOLDER(a_full_disk_keeps_the_old_file),
        IN_FOLDER(folders_are_made_with_their_parents),
        cmocka_unit_test(paths_are_put_together),
    };
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
