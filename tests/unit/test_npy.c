/* test_npy.c - headers and numbers of .npy files. */
#include "data/npy.h"

#include "npy_rig.h"

static void parsed(const char *dictionary, struct kp_npy *out)
{
    struct kp_error e = {0};
    struct rig_bytes b = npy_of(dictionary, NULL, 0);

    if (kp_npy_parse(b.v, b.size, "a.npy", out, &e))
        fail_msg("%s: %s", dictionary, e.text);
    assert_int_equal(out->header, b.size);
    free(b.v);
}

static void refused(const char *dictionary, const char *words)
{
    struct kp_npy a;
    struct kp_error e = {0};
    struct rig_bytes b = npy_of(dictionary, NULL, 0);

    if (kp_npy_parse(b.v, b.size, "a.npy", &a, &e) != KP_E_FORMAT)
        fail_msg("'%s' was not refused", dictionary);
    if (!strstr(e.text, words) || strncmp(e.text, "a.npy: offset ", 14) != 0)
        fail_msg("'%s' does not say '%s'", e.text, words);
    free(b.v);
}

static void headers_are_read(void **state)
{
    struct kp_npy a;
    (void)state;

    parsed("{'descr': '|u1', 'fortran_order': False, 'shape': (10, 32, 32, 3), }      \n", &a);
    assert_true(!a.is_signed && a.item == 1 && a.dims == 4 && a.data == 30720);
    assert_true(a.shape[0] == 10 && a.shape[1] == 32 && a.shape[2] == 32 && a.shape[3] == 3);
    parsed("{\"shape\":(7,),\"descr\":\"<i8\",\"fortran_order\":False}", &a);
    assert_true(a.is_signed && a.item == 8 && a.dims == 1 && a.shape[0] == 7 && a.data == 56);
    parsed("{'descr': '<u4', 'fortran_order': False, 'shape': ()}", &a);
    assert_true(a.dims == 0 && a.data == 4);
    parsed("{'descr': 'i2', 'fortran_order': False, 'shape': (0, 5)}", &a);
    assert_true(a.item == 2 && a.data == 0);

    /* Versions 2 and 3 have a length of four bytes. */
    for (uint8_t version = 2; version <= 3; version++) {
        static const char text[] = "{'descr': '<i4', 'fortran_order': False, 'shape': (3,)}";
        uint8_t bytes[12 + sizeof text] = "\x93NUMPY";
        struct kp_error e = {0};
        bytes[6] = version;
        bytes[8] = sizeof text - 1;
        memcpy(bytes + 12, text, sizeof text);
        assert_int_equal(kp_npy_parse(bytes, sizeof bytes, "a.npy", &a, &e), KP_OK);
        assert_true(a.header == 12 + sizeof text - 1 && a.data == 12);
    }
}

static void bad_headers_are_refused(void **state)
{
    struct kp_npy a;
    struct kp_error e = {0};
    (void)state;

    refused("", "truncated: no header");
    refused("[]", "no '{'");
    refused("{'descr': '|u1', 'fortran_order': False}", "lacks one of");
    refused("{'descr': '|u1', 'fortran_order': True, 'shape': (1,)}", "Fortran order");
    refused("{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}", "neither True nor False");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "element type '<f4'");
    refused("{'descr': '>i4', 'fortran_order': False, 'shape': (1,)}", "big-endian");
    refused("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "element type '|O'");
    refused("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,)}", "are records");
    refused("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 3, 4, 5)}",
            "more dimensions");
    refused("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}", "no number");
    refused("{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999999999999,)}",
            "too large");
    refused("{'descr': '<i8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
            "the shape has more than");
    refused("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': ()}", "second time");
    refused("{'descr': '|u1', 'fortran_order': False, 'shape': (), 'more': 1}", "unknown key");
    refused("{'descr': '|u1', 'fortran_order': False, 'shape': (1 2)}", "neither ',' nor ')'");
    refused("{'descr': '|u1' 'fortran_order': False, 'shape': ()}", "neither ',' nor '}'");
    refused("{'descr': '|u1', 'fortran_order': False, 'shape': ()} x", "something behind");
    refused("{'descr", "a string without an end");

    struct rig_bytes b = npy_of("{'descr': '|u1', 'fortran_order': False, 'shape': ()}", NULL, 0);
    for (size_t n = 0; n < b.size; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, b.v, n);
        assert_int_equal(kp_npy_parse(exact, n, "a.npy", &a, &e), KP_E_FORMAT);
        free(exact);
    }
    b.v[6] = 4;
    assert_int_equal(kp_npy_parse(b.v, b.size, "a.npy", &a, &e), KP_E_FORMAT);
    assert_non_null(strstr(e.text, "version 4"));
    free(b.v);
}

static void integers_of_all_sizes(void **state)
{
    static const uint8_t bytes[8] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    (void)state;

    for (int item = 1; item <= 8; item *= 2) {
        struct kp_npy a = {.item = item, .is_signed = true};
        assert_int_equal(kp_npy_integer(&a, bytes, 0), -2);
        if (item < 8) {
            a.is_signed = false;
            assert_int_equal(kp_npy_integer(&a, bytes, 0), (INT64_C(1) << 8 * item) - 2);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(integers_of_all_sizes),
    };
    return cmocka_run_group_tests_name("npy", tests, NULL, NULL);
}
