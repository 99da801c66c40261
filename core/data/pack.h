/* pack.h - the packed cache: one file of decoded pixels, made once, mapped ever after.
 *
 *   0             struct kp_pack_header
 *   KP_PACK_DATA  pixels
 *   index_offset  struct kp_image_entry [count[0] + count[1]]: training examples, then test
 *   text_offset   a line "path: what is wrong" for each file that could not be read
 *
 * It may be without pixels: an index that says which files can be decoded, and how large they are.
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

/* Is `m` a whole cache with this key? Neither pixels nor index are looked at. */
bool kp_pack_valid(const struct kp_mapping *m, const char *key);

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

/* The packed cache of image files. */
struct kp_pack {
    const struct kp_dataset_config *config;
    const struct kp_catalogue *catalogue;
    bool pixels; /* or an index alone */
    char key[KP_HASH_SIZE];
    struct kp_cache_places places;
};

/* What it is called and where it may be; kp_pack_finish() afterwards. */
KP_NODISCARD enum kp_status kp_pack_name(const struct kp_dataset_config *config,
                                         const struct kp_catalogue *c, bool pixels,
                                         struct kp_pack *out, struct kp_error *e);
void kp_pack_finish(struct kp_pack *p);

/* Map it if it is there and undamaged: its entries fit the file and the catalogue. */
bool kp_pack_find(const struct kp_pack *p, struct kp_mapping *out);

/* Decode all files of the catalogue with `decoders` threads into a new one, and map it. Files that
 * cannot be decoded become lines of its text. */
KP_NODISCARD enum kp_status kp_pack_make(const struct kp_pack *p, struct kp_mapping *out,
                                         struct kp_error *e);

/* Would it fit? That is half of the free disk at its place, and the machine's memory, as images are
 * read from it in random order. Its size is estimated from a few files. `why` tells the sizes. */
KP_NODISCARD enum kp_status kp_pack_fits(const struct kp_pack *p, bool *fits, char *why,
                                         size_t why_size, struct kp_error *e);

#endif
