/* pack.h - the packed cache: one file of decoded pixels, made once, mapped ever after.
 *
 *   0             struct kp_pack_header
 *   KP_PACK_DATA  pixels
 *   index_offset  struct kp_image_entry [count[0] + count[1]]: training examples, then test
 *   text_offset   a line "path: what is wrong" for each file that could not be read
 *
 * Numbers are in the byte order of the machine that wrote them; another machine makes its own. */
#ifndef KP_DATA_PACK_H
#define KP_DATA_PACK_H

#include "data/catalogue.h"
#include "data/format.h"

#define KP_PACK_DATA    ((uint64_t)4096)
#define KP_PACK_MAGIC   "kappapak"
#define KP_PACK_VERSION 1

struct kp_pack_header {
    char magic[8];
    uint32_t version;
    uint32_t check;             /* CRC-32 of index and text */
    char key[KP_HASH_SIZE - 1]; /* what it was made from */
    uint64_t size;              /* of the file */
    uint64_t count[KP_SPLITS];
    uint64_t index_offset, text_offset, text_size;
    uint64_t bad; /* lines of text */
};

/* Is `m` a whole and undamaged cache with this key? With a catalogue it has an index, whose entries
 * are checked against the file and the catalogue. */
bool kp_pack_valid(const struct kp_mapping *m, const char *key, const struct kp_catalogue *c);

/* Where caches are kept, in the order of preference. */
struct kp_cache_places {
    char *path[2]; /* NULL: none */
};

/* Paths of the cache called `name` of a dataset in `root`. `config_cache`: the folder that was
 * asked for, or NULL or "". `what` is put into the name as a hash. */
KP_NODISCARD enum kp_status kp_cache_find(const char *config_cache, const char *root,
                                          const char *name, const char *what,
                                          struct kp_cache_places *out, struct kp_error *e);
void kp_cache_finish(struct kp_cache_places *p);

/* Begin a cache file at the first place that can be written; the header comes last. */
KP_NODISCARD enum kp_status kp_cache_begin(const struct kp_cache_places *p, const char **path,
                                           struct kp_replace *out, struct kp_error *e);

/* Write at an offset, as part of an unfinished cache file. False: errno says why. */
bool kp_cache_write_at(int fd, const void *bytes, size_t size, uint64_t offset);

/* Decode all files of the catalogue with `decoders` threads into a cache with this key. Files that
 * cannot be decoded become lines of its text. */
KP_NODISCARD enum kp_status kp_pack_make(const struct kp_catalogue *c, const char *key,
                                         const struct kp_dataset_config *config,
                                         const struct kp_cache_places *places, const char **path,
                                         struct kp_error *e);

#endif
