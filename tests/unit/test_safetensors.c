/* test_safetensors.c - writing and reading named arrays, and refusing what is none. */
#include "train/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the three above. */
#include <cmocka.h>
#include <math.h>
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
        {"{\"a\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype"},
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

/* Every type as F32: values, signs, what is less than normal, infinities. */
static void test_floats(void **state)
{
    static const uint16_t halves[] = {0x3c00, 0xc500, 0x0001, 0x83ff, 0x7bff, 0x7c00, 0x8000};
    static const float of_halves[] = {1, -5, 0x1p-24F, -0x3ffp-24F, 65504, INFINITY, -0.0F};
    static const uint16_t brains[] = {0x3f80, 0xc0a0, 0x7f80, 0x0080};
    static const float of_brains[] = {1, -5, INFINITY, 0x1p-126F};
    static const double wide[] = {0.1, -3};
    static const float of_wide[] = {0.1F, -3}, same[] = {0.1F, 7};
    static const uint16_t no_numbers[] = {0x7e00, 0xfc01};
    const struct {
        struct kp_stored stored;
        const float *want;
    } cases[] = {
        {{"half", KP_STORED_F16, kp_shape1(7), halves}, of_halves},
        {{"brain", KP_STORED_BF16, kp_shape1(4), brains}, of_brains},
        {{"wide", KP_STORED_F64, kp_shape1(2), wide}, of_wide},
        {{"same", KP_STORED_F32, kp_shape1(2), same}, same},
    };
    const struct kp_stored odd = {"odd", KP_STORED_F16, kp_shape1(2), no_numbers};
    const struct kp_stored steps_stored = {"steps", KP_STORED_I64, {0}, &steps};
    float got[8];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(kp_stored_is_real(&cases[i].stored));
        kp_stored_floats(&cases[i].stored, got);
        assert_memory_equal(got, cases[i].want,
                            (size_t)cases[i].stored.shape.dim[0] * sizeof(float));
    }
    kp_stored_floats(&odd, got);
    assert_true(isnan(got[0]) && isnan(got[1]));
    assert_false(kp_stored_is_real(&steps_stored));
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
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_refuses_short_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
