/* test_hash.c - SHA-256 against the vectors of FIPS 180-4. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OF_ABC       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OF_EMPTY     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OF_A_MILLION "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void bytes_match_published_vectors(void **state)
{
    char out[KP_HASH_SIZE];
    (void)state;

    kp_hash_bytes("abc", 3, out);
    assert_string_equal(out, OF_ABC);
    kp_hash_bytes(NULL, 0, out);
    assert_string_equal(out, OF_EMPTY);
}

static void pieces_are_hashed_as_the_whole(void **state)
{
    static char a[1000];
    struct kp_hasher h;
    char out[KP_HASH_SIZE];
    (void)state;

    memset(a, 'a', sizeof a);
    kp_hasher_begin(&h);
    for (size_t left = 1000000, n = 1; left > 0; left -= n, n = n % 997 + 1) {
        n = n < left ? n : left;
        kp_hasher_add(&h, a, n);
        kp_hasher_add(&h, NULL, 0);
    }
    kp_hasher_end(&h, out);
    assert_string_equal(out, OF_A_MILLION);
}

static void a_file_has_the_hash_of_its_bytes(void **state)
{
    char path[] = "/tmp/kappa-hash-XXXXXX", out[KP_HASH_SIZE];
    struct kp_error e = {0};
    (void)state;

    int fd = mkstemp(path);
    assert_true(fd >= 0);
    char *a = malloc(1000000);
    assert_non_null(a);
    memset(a, 'a', 1000000);
    assert_int_equal(write(fd, a, 1000000), 1000000);
    free(a);
    close(fd);
    assert_int_equal(kp_hash_file(path, out, &e), KP_OK);
    assert_string_equal(out, OF_A_MILLION);
    unlink(path);

    strcpy(out, "untouched");
    assert_int_equal(kp_hash_file(path, out, &e), KP_E_IO);
    assert_non_null(strstr(e.text, path));
    assert_string_equal(out, "untouched");
    assert_int_equal(kp_hash_file("/tmp", out, &e), KP_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_match_published_vectors),
        cmocka_unit_test(pieces_are_hashed_as_the_whole),
        cmocka_unit_test(a_file_has_the_hash_of_its_bytes),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
