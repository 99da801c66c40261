/* catalogue.h - the image files of a dataset with their labels, before any is opened. */
#ifndef KP_DATA_CATALOGUE_H
#define KP_DATA_CATALOGUE_H

#include "base/arena.h"
#include "base/hash.h"
#include "data/data.h"

/* The most classes. */
#define KP_CLASSES_MAX 1000000

struct kp_catalogue_file {
    const char *path; /* as seen from the catalogue's folder */
    int32_t label;
    int64_t bytes, time_ns; /* size and time of last change */
};

struct kp_catalogue {
    struct kp_arena memory;
    const char *folder;
    int64_t classes;
    struct kp_catalogue_file *file[KP_SPLITS];
    int64_t count[KP_SPLITS], room[KP_SPLITS];
};

/* root/train/CLASS/FILE and root/val/CLASS/FILE, or root/test where there is no val. Classes and
 * files in the order of their names' bytes; names that begin with a dot, and those of files other
 * than .jpeg, .jpg and .png, do not count. */
KP_NODISCARD enum kp_status kp_catalogue_folder(const char *root, struct kp_catalogue *c,
                                                struct kp_error *e);

/* The list file's lines, in their order. */
KP_NODISCARD enum kp_status kp_catalogue_list(const char *path, struct kp_catalogue *c,
                                              struct kp_error *e);

/* Lines of a list in memory; sizes and times stay 0. */
KP_NODISCARD enum kp_status kp_catalogue_parse(const char *text, size_t size, const char *name,
                                               struct kp_catalogue *c, struct kp_error *e);

void kp_catalogue_finish(struct kp_catalogue *c);

/* What a cache of these files at this size is recognised by, one with pixels or an index alone:
 * SHA-256 of all names, labels, sizes and times. */
KP_NODISCARD enum kp_status kp_catalogue_key(const struct kp_catalogue *c, int64_t resize,
                                             bool pixels, char out[KP_HASH_SIZE],
                                             struct kp_error *e);

/* Add a file; `path` of `length` bytes is copied. */
KP_NODISCARD enum kp_status kp_catalogue_add(struct kp_catalogue *c, enum kp_split split,
                                             const char *path, size_t length, int64_t label,
                                             struct kp_error *e);

/* Set classes, and see that each has a training example; `names` for messages, or NULL. */
KP_NODISCARD enum kp_status kp_catalogue_check(struct kp_catalogue *c, const char *name,
                                               int64_t classes, struct kp_error *e);

#endif
