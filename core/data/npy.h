/* npy.h - NumPy's files: one array (.npy), read and written, and zip archives of them (.npz). */
#ifndef KP_DATA_NPY_H
#define KP_DATA_NPY_H

#include "base/error.h"
#include "base/text.h"

#define KP_NPY_DIMS 4

/* What the header of a .npy file says: little-endian elements, last dimension fastest. */
struct kp_npy {
    bool is_signed;
    int item; /* bytes of an element: an integer's 1, 2, 4 or 8; 4 for each character of a string */
    int dims;
    int64_t shape[KP_NPY_DIMS]; /* 1 beyond dims */
    size_t header;              /* bytes before the data */
    uint64_t data;              /* bytes of data */
};

/* Parse the header at the beginning of a file; `size` bytes of it are at hand (KP_NPY_HEADER are
 * always enough). Other element types, big-endian numbers, Fortran order, sizes above
 * KP_NPY_DATA_MAX and more dimensions are refused. */
#define KP_NPY_HEADER   ((size_t)8192)
#define KP_NPY_DATA_MAX ((uint64_t)1 << 42)
KP_NODISCARD enum kp_status kp_npy_parse(const uint8_t *bytes, size_t size, const char *name,
                                         struct kp_npy *out, struct kp_error *e);

/* Element `i` of data in memory. */
int64_t kp_npy_integer(const struct kp_npy *a, const uint8_t *data, int64_t i);

/* The same of an array of strings ('<U40'), of KP_NPY_CHARACTERS at most. */
#define KP_NPY_CHARACTERS 4096
KP_NODISCARD enum kp_status kp_npy_parse_strings(const uint8_t *bytes, size_t size,
                                                 const char *name, struct kp_npy *out,
                                                 struct kp_error *e);

/* Add element `i` to a text, as UTF-8. False: a character of it is none. */
bool kp_npy_string(const struct kp_npy *a, const uint8_t *data, int64_t i, struct kp_text *out);

/* The header of a file whose elements are `type`, such as "<u2", with dims <= 2 dimensions. */
#define KP_NPY_WRITTEN 128
void kp_npy_header(const char *type, int dims, const int64_t *shape, uint8_t out[KP_NPY_WRITTEN]);

struct kp_npz;

/* One array of an archive. */
struct kp_npz_array {
    struct kp_npy npy;
    const uint8_t *data; /* inside the bytes given, where it is stored as it is; NULL: packed */
    uint32_t crc;        /* of the member */
    uint64_t number;     /* of the member */
    char title[256];     /* for messages: "FILE: X.npy" */
};

/* An archive in memory, which outlives it. */
KP_NODISCARD enum kp_status kp_npz_open(const uint8_t *bytes, size_t size, const char *name,
                                        struct kp_npz **out, struct kp_error *e);
void kp_npz_close(struct kp_npz *z);

/* The array saved as `key`. */
KP_NODISCARD enum kp_status kp_npz_find(struct kp_npz *z, const char *key, struct kp_npz_array *out,
                                        struct kp_error *e);

/* Hand the first `limit` bytes of an array's data to `take`, piece by piece; it returns false to
 * stop (KP_E_INTERRUPTED). The memory needed does not depend on the array. An array read to its end
 * has its checksum compared. */
KP_NODISCARD enum kp_status kp_npz_read(struct kp_npz *z, const struct kp_npz_array *a,
                                        uint64_t limit,
                                        bool (*take)(void *arg, const uint8_t *bytes, size_t n),
                                        void *arg, struct kp_error *e);

#endif
