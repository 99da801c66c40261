/* test_safetensors.c - writing and reading named arrays, and refusing what is none. */
#include "train/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the three above. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const float weight[6] = {1, 2, 3, 4, 5, -6.5F};
static const double sums[2] = {1e300, -0.0};
static const int64_t steps = 12345678901;

static void test_round_trip(void **state)
{
    const struct kp_stored arrays[] = {
        {"conv.weight", KP_STORED_F32, kp_shape2(2, 3), weight},
        {"steps", KP_STORED_I64, {0}, &steps},
        {"sums", KP_STORED_F64, kp_shape1(2), sums},
    };
    char path[] = "/tmp/kappa-safetensors-XXXXXX", first[KP_HASH_SIZE], second[KP_HASH_SIZE];
    struct kp_safetensors f = {0};
    struct kp_error e = {0};
    int64_t bytes = 0;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(kp_safetensors_write(path, arrays, 3, first, &bytes, &e), KP_OK);
    assert_int_equal(kp_safetensors_write(path, arrays, 3, second, NULL, &e), KP_OK);
    assert_string_equal(first, second);
    assert_int_equal(kp_safetensors_open(path, &f, &e), KP_OK);
    assert_int_equal(f.mapping.size, bytes);
    assert_int_equal(f.count, 3);
    for (int i = 0; i < 3; i++) {
        const struct kp_stored *a = kp_safetensors_find(&f, arrays[i].name);
        assert_non_null(a);
        assert_int_equal(a->type, arrays[i].type);
        assert_true(kp_shape_equal(a->shape, arrays[i].shape));
        assert_memory_equal(a->data, arrays[i].data, kp_stored_bytes(a));
    }
    assert_null(kp_safetensors_find(&f, "conv"));
    kp_safetensors_close(&f);
    (void)unlink(path);
}

/* A file with this header and `data` bytes of zeros. */
static enum kp_status parse(const char *header, size_t data, struct kp_error *e)
{
    uint64_t length = strlen(header);
    size_t size = sizeof(length) + length + data;
    uint8_t *bytes = calloc(1, size);
    struct kp_safetensors f = {0};

    assert_non_null(bytes);
    memcpy(bytes, &length, sizeof(length));
    memcpy(bytes + sizeof(length), header, length);
    enum kp_status st = kp_safetensors_parse(bytes, size, "hostile", &f, e);
    if (st == KP_OK)
        kp_safetensors_close(&f);
    free(bytes);
    return st;
}

static void test_accepts(void **state)
{
    struct kp_error e = {0};

    (void)state;
    assert_int_equal(parse("{}", 0, &e), KP_OK);
    assert_int_equal(parse("{\"__metadata__\":{\"format\":\"pt\"},"
                           "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]},"
                           "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}",
                           12, &e),
                     KP_OK);
}

static void test_refuses(void **state)
{
    static const struct {
        const char *header;
        size_t data;
        const char *says;
    } cases[] = {
        {"", 0, "no JSON object"},
        {"[]", 0, "no JSON object"},
        {"{\"a\":1", 0, "no JSON object"},
        {"{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2, "dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,6]}}", 6, "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1e30],\"data_offsets\":[0,4]}}", 4, "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0,
         "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
         "shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 8, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8,
         "describes 4 bytes"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 2, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         8, "twice"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         4, "data_offsets"},
        {"{\"a\":7}", 0, "dtype"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kp_error e = {0};
        assert_int_equal(parse(cases[i].header, cases[i].data, &e), KP_E_FORMAT);
        assert_non_null(strstr(e.text, "hostile: "));
        if (!strstr(e.text, cases[i].says))
            fail_msg("case %zu says: %s", i, e.text);
    }
}

static void test_refuses_short_files(void **state)
{
    uint8_t bytes[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct kp_safetensors f = {0};

    (void)state;
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        struct kp_error e = {0};
        assert_int_equal(kp_safetensors_parse(bytes, size, "short", &f, &e), KP_E_FORMAT);
        assert_non_null(strstr(e.text, "no safetensors file"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_refuses_short_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
