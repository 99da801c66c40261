/* test_npz.c - archives of CIFAR-5m: stored, packed, zip64, and everything wrong. */
#include "data/npy.h"
#include "data/pack.h"

#include <glob.h>
#include <zip.h>
#include <zlib.h>

#include "loader_rig.h"
#include "npy_rig.h"

enum { IMAGE = 32 * 32 * 3 };

/* Zip the members; `packed`: deflated. */
static void save_npz(const char *path, struct rig_bytes x, struct rig_bytes y, bool packed)
{
    zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);

    assert_non_null(z);
    zip_int64_t i = zip_file_add(z, "X.npy", zip_source_buffer(z, x.v, x.size, 1), 0);
    zip_int64_t k = zip_file_add(z, "Y.npy", zip_source_buffer(z, y.v, y.size, 1), 0);
    assert_true(i >= 0 && k >= 0);
    int method = packed ? ZIP_CM_DEFLATE : ZIP_CM_STORE;
    assert_int_equal(zip_set_file_compression(z, (zip_uint64_t)i, method, 0), 0);
    assert_int_equal(zip_set_file_compression(z, (zip_uint64_t)k, method, 0), 0);
    assert_int_equal(zip_close(z), 0);
}

static uint8_t value(int part, int64_t i, int64_t k)
{
    return (uint8_t)(part * 17 + i * 29 + k * 3 + k / 96);
}

/* The images of a part as X.npy, and labels (part + i) % 10 of `item` bytes as Y.npy. */
static struct rig_bytes make_x(int part, int count)
{
    char text[96];
    uint8_t *data = malloc((size_t)count * IMAGE);

    assert_non_null(data);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < IMAGE; k++)
            data[i * IMAGE + k] = value(part, i, k);
    (void)snprintf(text, sizeof text,
                   "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 32, 32, 3), }\n", count);
    struct rig_bytes b = npy_of(text, data, (size_t)count * IMAGE);
    free(data);
    return b;
}

static struct rig_bytes make_y(int part, int count, int item)
{
    char text[96];
    uint8_t data[512] = {0};

    for (int i = 0; i < count; i++)
        data[i * item] = (uint8_t)((part + i) % 10);
    (void)snprintf(text, sizeof text,
                   "{'descr': '<%c%d', 'fortran_order': False, 'shape': (%d,), }\n",
                   item == 1 ? 'u' : 'i', item, count);
    return npy_of(text, data, (size_t)(count * item));
}

/* Six parts of 3 + part images; one naming, packing and type of labels after another. */
static void save_parts(int packed)
{
    static const char *const prefixes[] = {"", "cifar5m-", "cifar5m_"};
    static const int items[] = {8, 4, 1, 2, 8, 4};

    for (int part = 0; part < 6; part++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%spart%d.npz", prefixes[part % 3], part);
        save_npz(path, make_x(part, 3 + part), make_y(part, 3 + part, items[part]),
                 packed == 2 ? part % 2 : packed);
    }
}

static struct kp_dataset *opened(struct kp_dataset_config c)
{
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};

    if (kp_dataset_open(&c, &d, &e))
        fail_msg("%s", e.text);
    return d;
}

static void refused_set(struct kp_dataset_config c, const char *words)
{
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};

    assert_int_not_equal(kp_dataset_open(&c, &d, &e), KP_OK);
    if (!strstr(e.text, words))
        fail_msg("'%s' does not say '%s'", e.text, words);
}

static void expect_example(const struct kp_dataset *d, enum kp_split split, int64_t number,
                           int part, int64_t i)
{
    uint8_t out[3][32][32];

    assert_int_equal(d->split[split].labels[number], (part + i) % 10);
    gathered(d, split, number, &out[0][0][0]);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < 32; y++)
            for (int x = 0; x < 32; x++)
                assert_int_equal(out[c][y][x], value(part, i, (y * 32 + x) * 3 + c));
}

static int64_t caches(const char *pattern)
{
    glob_t found;

    if (glob(pattern, 0, NULL, &found) != 0)
        return 0;
    int64_t n = (int64_t)found.gl_pathc;
    globfree(&found);
    return n;
}

static const struct kp_dataset_config base = {.format = "cifar5m", .root = "."};

static void parts_are_read_stored_and_packed(void **state)
{
    static const int64_t made[] = {0, 6, 3};
    (void)state;

    for (int packed = 0; packed < 3; packed++) {
        struct kp_dataset_config c = base;
        char folder[16];
        (void)snprintf(folder, sizeof folder, "set-%d", packed);
        assert_int_equal(mkdir(folder, 0777) + chdir(folder), 0);
        save_parts(packed);
        for (int again = 0; again < 2; again++) {
            struct kp_dataset *d = opened(c);
            int64_t number = 0;
            assert_int_equal(d->classes, 10);
            assert_int_equal(d->split[KP_SPLIT_TRAIN].count, 3 + 4 + 5 + 6 + 7);
            assert_int_equal(d->split[KP_SPLIT_TEST].count, 8);
            for (int part = 0; part < 5; part++)
                for (int64_t i = 0; i < 3 + part; i++)
                    expect_example(d, KP_SPLIT_TRAIN, number++, part, i);
            for (int64_t i = 0; i < 8; i++)
                expect_example(d, KP_SPLIT_TEST, i, 5, i);
            kp_dataset_close(d);
            assert_int_equal(caches("kappa-cifar5m-part*.pack"), made[packed]);
        }
        assert_int_equal(chdir(".."), 0);
    }
}

static void what_is_not_needed_is_not_unpacked(void **state)
{
    struct kp_dataset_config c = base;
    struct stat info;
    glob_t found;
    (void)state;

    save_parts(1);
    c.count_only = true;
    struct kp_dataset *d = opened(c);
    assert_int_equal(d->split[KP_SPLIT_TRAIN].count, 25);
    kp_dataset_close(d);
    assert_int_equal(caches("kappa-*"), 0);
    c.count_only = false;
    c.test_limit = 2;
    c.downsample = 8;
    d = opened(c);
    assert_int_equal(d->split[KP_SPLIT_TEST].count, 2);
    assert_true(kp_shape_equal(d->shape, (struct kp_shape){3, {3, 8, 8}}));
    kp_dataset_close(d);
    assert_int_equal(glob("kappa-cifar5m-part5-*.pack", 0, NULL, &found), 0);
    assert_int_equal(stat(found.gl_pathv[0], &info), 0);
    assert_int_equal(info.st_size, KP_PACK_DATA + 2 * IMAGE);
    globfree(&found);
}

static void a_padded_set_is_right(void **state)
{
    struct kp_dataset_config c = base;
    uint8_t out[3][34][34];
    (void)state;

    save_parts(0);
    c.pad_to = 34;
    struct kp_dataset *d = opened(c);
    gathered(d, KP_SPLIT_TRAIN, 4, &out[0][0][0]);
    for (int ch = 0; ch < 3; ch++)
        for (int y = 0; y < 34; y++)
            for (int x = 0; x < 34; x++) {
                bool inside = y >= 1 && y <= 32 && x >= 1 && x <= 32;
                assert_int_equal(out[ch][y][x],
                                 inside ? value(1, 1, ((y - 1) * 32 + x - 1) * 3 + ch) : 0);
            }
    kp_dataset_close(d);
}

static void bad_parts_are_refused(void **state)
{
    struct kp_dataset_config c = base;
    (void)state;

    refused_set(c, "./part0.npz: no such file, nor cifar5m-part0.npz");
    save_parts(0);
    struct rig_bytes y = make_y(0, 3, 8);
    y.v[y.size - 8] = 10;
    save_npz("part0.npz", make_x(0, 3), y, false);
    refused_set(c, "./part0.npz: Y.npy: element 2: label 10, must be 0 to 9");
    save_npz("part0.npz", make_x(0, 3), make_y(0, 4, 8), false);
    refused_set(c, "./part0.npz: Y.npy: 4 labels in 1 dimensions; as many as images, 3,");
    save_npz("part0.npz", make_y(0, 3, 1), make_y(0, 3, 1), false);
    refused_set(c, "./part0.npz: X.npy: 1-byte integers of 1 dimensions");
    struct rig_bytes x = make_x(0, 3);
    x.size--;
    save_npz("part0.npz", x, make_y(0, 3, 1), true);
    refused_set(c, "./part0.npz: X.npy: 9293 bytes, where header and shape make 9294");
    assert_int_equal(scratch_put("part0.npz", "PK but no archive"), 0);
    refused_set(c, "./part0.npz: no .npz archive (zip) that can be read");
    assert_int_equal(truncate("part0.npz", 0), 0);
    refused_set(c, "./part0.npz: offset 0: empty; a .npz archive (zip) is expected");
}

/* A changed byte of packed data is found when it is unpacked. */
static void damage_is_found_by_checksums(void **state)
{
    struct kp_dataset_config c = base;
    struct stat info;
    (void)state;

    save_parts(1);
    assert_int_equal(stat("part0.npz", &info), 0);
    FILE *f = fopen("part0.npz", "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, info.st_size / 2, SEEK_SET), 0);
    assert_int_equal(fputs("damage", f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
    refused_set(c, "./part0.npz: ");
    assert_int_equal(caches("kappa-*.pack*"), 0);
}

static void spoil(const char *path)
{
    assert_int_equal(scratch_put(path, "PK but no archive"), 0);
}

/* With skip_bad a damaged archive of training images is left out and named; a test archive never,
 * nor the last one that is whole. */
static void damaged_parts_may_be_left_out(void **state)
{
    struct kp_dataset_config c = base;
    (void)state;

    save_parts(1);
    spoil("part0.npz");
    save_npz("cifar5m_part2.npz", make_x(2, 4), make_y(2, 5, 1), true);
    refused_set(c, "./part0.npz: no .npz archive");
    c.skip_bad = true;
    for (int i = 0; i < 2; i++) {
        c.count_only = i == 1;
        struct kp_dataset *d = opened(c);
        assert_int_equal(d->skipped, 2);
        assert_non_null(strstr(d->damage, "./part0.npz: no .npz archive"));
        assert_int_equal(d->split[KP_SPLIT_TRAIN].count, 4 + 6 + 7);
        if (!c.count_only) {
            expect_example(d, KP_SPLIT_TRAIN, 0, 1, 0);
            expect_example(d, KP_SPLIT_TRAIN, 4, 3, 0);
            expect_example(d, KP_SPLIT_TRAIN, 16, 4, 6);
        }
        kp_dataset_close(d);
    }
    spoil("cifar5m_part5.npz");
    refused_set(c, "./cifar5m_part5.npz: no .npz archive");
    spoil("cifar5m-part1.npz");
    spoil("part3.npz");
    spoil("cifar5m-part4.npz");
    refused_set(c, "./cifar5m-part4.npz: no .npz archive");
}

/* Little-endian numbers into a growing file. */
static void put(struct rig_bytes *b, uint64_t v, int bytes)
{
    b->v = realloc(b->v, b->size + 8);
    assert_non_null(b->v);
    for (int i = 0; i < bytes; i++)
        b->v[b->size++] = (uint8_t)(v >> 8 * i);
}

static void put_bytes(struct rig_bytes *b, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put(b, ((const uint8_t *)bytes)[i], 1);
}

/* A stored member whose sizes and place stand in zip64 fields, as archives above 4 GB have them. */
static void zip64_archives_are_read(void **state)
{
    struct rig_bytes member[] = {make_x(0, 3), make_y(0, 3, 4)}, b = {0};
    const char *names[] = {"X.npy", "Y.npy"};
    uint64_t place[2], directory;
    (void)state;

    save_parts(0);
    for (int i = 0; i < 2; i++) {
        place[i] = b.size;
        uint32_t crc = (uint32_t)crc32(0, member[i].v, (uInt)member[i].size);
        put(&b, 0x04034b50, 4);
        put(&b, 45, 2);
        put(&b, 0, 8); /* flags, method: stored, time, date */
        put(&b, crc, 4);
        put(&b, UINT64_MAX, 8); /* sizes: see below */
        put(&b, 5, 2);
        put(&b, 20, 2);
        put_bytes(&b, names[i], 5);
        put(&b, 1, 2);
        put(&b, 16, 2);
        put(&b, member[i].size, 8);
        put(&b, member[i].size, 8);
        put_bytes(&b, member[i].v, member[i].size);
    }
    directory = b.size;
    for (int i = 0; i < 2; i++) {
        put(&b, 0x02014b50, 4);
        put(&b, 45, 2);
        put(&b, 45, 2);
        put(&b, 0, 8);
        put(&b, crc32(0, member[i].v, (uInt)member[i].size), 4);
        put(&b, UINT64_MAX, 8);
        put(&b, 5, 2);
        put(&b, 28, 2);
        put(&b, 0, 8); /* comment, disk, attributes */
        put(&b, 0, 2);
        put(&b, UINT32_MAX, 4);
        put_bytes(&b, names[i], 5);
        put(&b, 1, 2);
        put(&b, 24, 2);
        put(&b, member[i].size, 8);
        put(&b, member[i].size, 8);
        put(&b, place[i], 8);
        free(member[i].v);
    }
    uint64_t end = b.size;
    put(&b, 0x06064b50, 4);
    put(&b, 44, 8);
    put(&b, 45, 2);
    put(&b, 45, 2);
    put(&b, 0, 8);
    put(&b, 2, 8);
    put(&b, 2, 8);
    put(&b, end - directory, 8);
    put(&b, directory, 8);
    put(&b, 0x07064b50, 4);
    put(&b, 0, 4);
    put(&b, end, 8);
    put(&b, 1, 4);
    put(&b, 0x06054b50, 4);
    put(&b, 0, 4);
    put(&b, UINT32_MAX, 4); /* numbers of entries */
    put(&b, UINT64_MAX, 8);
    put(&b, 0, 2);
    rig_save("part0.npz", b);

    struct kp_error e = {0};
    struct kp_npz *z = NULL;
    struct kp_npz_array a;
    if (kp_npz_open(b.v, b.size, "part0.npz", &z, &e) || kp_npz_find(z, "X", &a, &e))
        fail_msg("%s", e.text);
    assert_true(a.data > b.v && a.data < b.v + b.size);
    kp_npz_close(z);
    free(b.v);
    struct kp_dataset *d = opened(base);
    for (int64_t i = 0; i < 3; i++)
        expect_example(d, KP_SPLIT_TRAIN, i, 0, i);
    kp_dataset_close(d);
    assert_int_equal(caches("kappa-*"), 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(parts_are_read_stored_and_packed),
        IN_FOLDER(what_is_not_needed_is_not_unpacked),
        IN_FOLDER(a_padded_set_is_right),
        IN_FOLDER(bad_parts_are_refused),
        IN_FOLDER(damaged_parts_may_be_left_out),
        IN_FOLDER(damage_is_found_by_checksums),
        IN_FOLDER(zip64_archives_are_read),
    };
    return cmocka_run_group_tests_name("npz", tests, NULL, NULL);
}
