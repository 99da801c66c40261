/* safetensors.c - reads and writes named arrays. */
#include "train/safetensors.h"

#include "base/text.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LIMIT ((size_t)16 << 20)
#define ARRAY_LIMIT  100000

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [KP_STORED_F32] = {"F32", 4}, [KP_STORED_F64] = {"F64", 8},   [KP_STORED_I64] = {"I64", 8},
    [KP_STORED_F16] = {"F16", 2}, [KP_STORED_BF16] = {"BF16", 2},
};

enum { TYPES = sizeof(types) / sizeof(types[0]) };

size_t kp_stored_bytes(const struct kp_stored *s)
{
    return (size_t)kp_shape_count(s->shape) * types[s->type].size;
}

bool kp_stored_is_real(const struct kp_stored *s)
{
    return s->type != KP_STORED_I64;
}

static float float_of_bits(uint32_t bits)
{
    float v;

    memcpy(&v, &bits, sizeof(v));
    return v;
}

/* 1 sign, 5 exponent, 10 mantissa bits. */
static float float_of_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 0x1f, mantissa = h & 0x3ff;

    if (exponent == 0) { /* zero, or less than the least normal number: mantissa 2^-24 */
        float v = (float)mantissa * 0x1p-24F;
        return sign ? -v : v;
    }
    if (exponent == 0x1f) /* infinite, or no number */
        return float_of_bits(sign | 0x7f800000 | mantissa << 13);
    return float_of_bits(sign | (exponent + 127 - 15) << 23 | mantissa << 13);
}

void kp_stored_floats(const struct kp_stored *s, float *out)
{
    const uint8_t *at = s->data;
    const size_t size = types[s->type].size;
    int64_t count = kp_shape_count(s->shape);

    KP_ASSERT(kp_stored_is_real(s));
    if (s->type == KP_STORED_F32) {
        memcpy(out, at, (size_t)count * size);
        return;
    }
    for (int64_t i = 0; i < count; i++, at += size) {
        uint16_t half;
        double wide;

        if (s->type == KP_STORED_F64) {
            memcpy(&wide, at, sizeof(wide));
            out[i] = (float)wide;
            continue;
        }
        memcpy(&half, at, sizeof(half));
        out[i] =
            s->type == KP_STORED_F16 ? float_of_half(half) : float_of_bits((uint32_t)half << 16);
    }
}

static void add_header(struct kp_text *t, const struct kp_stored *arrays, int64_t count)
{
    size_t at = 0;

    kp_text_add(t, "{");
    for (int64_t i = 0; i < count; i++) {
        const struct kp_stored *a = &arrays[i];

        kp_text_addf(t, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", i > 0 ? "," : "", a->name,
                     types[a->type].name);
        for (int32_t d = 0; d < a->shape.n; d++)
            kp_text_addf(t, "%s%lld", d > 0 ? "," : "", (long long)a->shape.dim[d]);
        kp_text_addf(t, "],\"data_offsets\":[%zu,%zu]}", at, at + kp_stored_bytes(a));
        at += kp_stored_bytes(a);
    }
    kp_text_add(t, "}");
    while (t->length % 8 != 0 && !t->failed)
        kp_text_add(t, " ");
}

/* The hash is of what is meant to be written, so that it tells a file that was torn. */
static void put(struct kp_replace *file, struct kp_hasher *hash, const void *bytes, size_t size)
{
    kp_replace_write(file, bytes, size);
    kp_hasher_add(hash, bytes, size);
}

enum kp_status kp_safetensors_write(const char *path, const struct kp_stored *arrays, int64_t count,
                                    char sha256[KP_HASH_SIZE], int64_t *bytes, struct kp_error *e)
{
    struct kp_text header = {0};
    struct kp_replace file = {0};
    struct kp_hasher hash;
    enum kp_status st;

    add_header(&header, arrays, count);
    if (header.failed) {
        st = kp_fail(e, KP_E_NOMEM, "%s: no memory for the header", path);
        goto out;
    }
    st = kp_replace_begin(path, &file, e);
    if (st != KP_OK)
        goto out;
    uint64_t length = header.length;
    kp_hasher_begin(&hash);
    put(&file, &hash, &length, sizeof(length));
    put(&file, &hash, header.s, header.length);
    int64_t total = (int64_t)(sizeof(length) + header.length);
    for (int64_t i = 0; i < count; i++) {
        put(&file, &hash, arrays[i].data, kp_stored_bytes(&arrays[i]));
        total += (int64_t)kp_stored_bytes(&arrays[i]);
    }
    st = kp_replace_commit(&file, e);
    if (st == KP_OK && sha256)
        kp_hasher_end(&hash, sha256);
    if (st == KP_OK && bytes)
        *bytes = total;
out:
    kp_text_finish(&header);
    return st;
}

/* A whole number from 0 to 2^53, or -1. */
static int64_t whole(const cJSON *v)
{
    if (!cJSON_IsNumber(v) || v->valuedouble < 0 || v->valuedouble > 9007199254740992.0 ||
        v->valuedouble != (double)(int64_t)v->valuedouble)
        return -1;
    return (int64_t)v->valuedouble;
}

static bool read_type(const cJSON *v, enum kp_stored_type *out)
{
    if (!cJSON_IsString(v))
        return false;
    for (int i = 0; i < TYPES; i++)
        if (strcmp(v->valuestring, types[i].name) == 0) {
            *out = (enum kp_stored_type)i;
            return true;
        }
    return false;
}

/* The shape and its number of elements, at most `limit`. */
static bool read_shape(const cJSON *v, int64_t limit, struct kp_shape *out)
{
    int n = cJSON_IsArray(v) ? cJSON_GetArraySize(v) : -1;
    int64_t count = 1;

    if (n < 0 || n > KP_MAX_DIMS)
        return false;
    *out = (struct kp_shape){.n = n};
    for (int i = 0; i < n; i++) {
        int64_t d = whole(cJSON_GetArrayItem(v, i));
        if (d < 1 || d > limit / count)
            return false;
        out->dim[i] = d;
        count *= d;
    }
    return true;
}

static enum kp_status read_array(struct kp_safetensors *s, const cJSON *entry, const uint8_t *data,
                                 size_t size, size_t *at, struct kp_error *e)
{
    struct kp_stored *a = &s->arrays[s->count];
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
    int64_t begin = whole(cJSON_GetArrayItem(offsets, 0));
    int64_t end = whole(cJSON_GetArrayItem(offsets, 1));

    a->name = entry->string;
    if (!read_type(cJSON_GetObjectItemCaseSensitive(entry, "dtype"), &a->type))
        return kp_fail(e, KP_E_FORMAT, "%s: '%s': dtype is not F32, F64, F16, BF16 or I64", s->name,
                       a->name);
    if (!read_shape(cJSON_GetObjectItemCaseSensitive(entry, "shape"), (int64_t)size, &a->shape))
        return kp_fail(e, KP_E_FORMAT, "%s: '%s': the shape is not possible in a file of this size",
                       s->name, a->name);
    if (begin != (int64_t)*at || end < begin || (uint64_t)end > size ||
        (size_t)(end - begin) != kp_stored_bytes(a))
        return kp_fail(e, KP_E_FORMAT,
                       "%s: '%s': data_offsets [%lld, %lld) are not the next %zu bytes from %zu",
                       s->name, a->name, (long long)begin, (long long)end, kp_stored_bytes(a), *at);
    if (kp_safetensors_find(s, a->name))
        return kp_fail(e, KP_E_FORMAT, "%s: '%s' appears twice", s->name, a->name);
    a->data = data + begin;
    *at = (size_t)end;
    s->count++;
    return KP_OK;
}

static int by_offset(const void *x, const void *y)
{
    const cJSON *const *a = x, *const *b = y;
    int64_t p = whole(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(*a, "data_offsets"), 0));
    int64_t q = whole(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(*b, "data_offsets"), 0));

    return (p > q) - (p < q);
}

/* Every array, in the order of the data: the header's own order may differ. */
static enum kp_status read_arrays(struct kp_safetensors *s, const uint8_t *data, size_t size,
                                  struct kp_error *e)
{
    int64_t n = cJSON_GetArraySize(s->header), kept = 0;
    const cJSON **entries = calloc((size_t)n + 1, sizeof(*entries));
    const cJSON *entry;
    enum kp_status st = KP_OK;
    size_t at = 0;

    s->arrays = calloc((size_t)n + 1, sizeof(*s->arrays));
    if (!entries || !s->arrays) {
        st = kp_fail(e, KP_E_NOMEM, "%s: no memory for %lld arrays", s->name, (long long)n);
        goto out;
    }
    cJSON_ArrayForEach(entry, (cJSON *)s->header)
    {
        if (strcmp(entry->string, "__metadata__") != 0)
            entries[kept++] = entry;
    }
    qsort((void *)entries, (size_t)kept, sizeof(*entries), by_offset);
    for (int64_t i = 0; i < kept && st == KP_OK; i++)
        st = read_array(s, entries[i], data, size, &at, e);
    if (st == KP_OK && at != size)
        st = kp_fail(e, KP_E_FORMAT, "%s: the header describes %zu bytes of data, the file has %zu",
                     s->name, at, size);
out:
    free((void *)entries);
    return st;
}

enum kp_status kp_safetensors_parse(const uint8_t *bytes, size_t size, const char *name,
                                    struct kp_safetensors *out, struct kp_error *e)
{
    struct kp_safetensors s = {0};
    enum kp_status st = KP_OK;
    uint64_t length = 0;

    s.name = strdup(name);
    if (!s.name)
        return kp_fail(e, KP_E_NOMEM, "%s: no memory", name);
    if (size >= sizeof(length))
        memcpy(&length, bytes, sizeof(length));
    if (size < sizeof(length) || length > HEADER_LIMIT || length > size - sizeof(length)) {
        st = kp_fail(e, KP_E_FORMAT,
                     "%s: 0: no safetensors file: the header would have %llu of %zu bytes", name,
                     (unsigned long long)length, size);
        goto out;
    }
    const char *text = (const char *)bytes + sizeof(length);
    s.header = cJSON_ParseWithLength(text, (size_t)length);
    if (!cJSON_IsObject((cJSON *)s.header)) {
        const char *where = cJSON_GetErrorPtr();
        size_t offset = !s.header && where && where >= text ? (size_t)(where - text) : 0;
        st = kp_fail(e, KP_E_FORMAT, "%s: %zu: the header is no JSON object", name,
                     sizeof(length) + offset);
        goto out;
    }
    if (cJSON_GetArraySize(s.header) > ARRAY_LIMIT) {
        st = kp_fail(e, KP_E_FORMAT, "%s: more than %d arrays", name, ARRAY_LIMIT);
        goto out;
    }
    st =
        read_arrays(&s, bytes + sizeof(length) + length, size - sizeof(length) - (size_t)length, e);
    if (st == KP_OK) {
        *out = s;
        return KP_OK;
    }
out:
    kp_safetensors_close(&s);
    return st;
}

enum kp_status kp_safetensors_open(const char *path, struct kp_safetensors *out, struct kp_error *e)
{
    struct kp_mapping m = {0};
    enum kp_status st = kp_file_map(path, &m, e);

    if (st != KP_OK)
        return st;
    st = kp_safetensors_parse(m.bytes, m.size, path, out, e);
    if (st == KP_OK)
        out->mapping = m;
    else
        kp_file_unmap(&m);
    return st;
}

const struct kp_stored *kp_safetensors_find(const struct kp_safetensors *s, const char *name)
{
    for (int64_t i = 0; i < s->count; i++)
        if (strcmp(s->arrays[i].name, name) == 0)
            return &s->arrays[i];
    return NULL;
}

void kp_safetensors_close(struct kp_safetensors *s)
{
    cJSON_Delete(s->header);
    free(s->arrays);
    free(s->name);
    kp_file_unmap(&s->mapping);
    *s = (struct kp_safetensors){0};
}
