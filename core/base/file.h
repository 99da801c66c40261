/* file.h - whole files: read, map, replace safely. */
#ifndef KP_BASE_FILE_H
#define KP_BASE_FILE_H

#include "base/error.h"

/* A file's bytes, mapped read-only. */
struct kp_mapping {
    const uint8_t *bytes;
    size_t size;
};

/* An empty file gives bytes = NULL, size = 0. Errors name the path and the reason. */
KP_NODISCARD enum kp_status kp_file_map(const char *path, struct kp_mapping *out,
                                        struct kp_error *e);
void kp_file_unmap(struct kp_mapping *m);

/* The whole file, at most `limit` bytes, terminated by a zero that is not counted; free() it.
 * A file whose name ends in .gz is inflated (zlib). */
KP_NODISCARD enum kp_status kp_file_read(const char *path, size_t limit, uint8_t **bytes,
                                         size_t *size, struct kp_error *e);

/* A file that appears whole or not at all: written under a temporary name in the same folder, then
 * fsync, rename, fsync of the folder. */
struct kp_replace {
    char *path;
    char *temporary;
    int fd;
    bool failed; /* a write failed; kp_replace_commit() will say why */
    int error;   /* errno of it */
};

KP_NODISCARD enum kp_status kp_replace_begin(const char *path, struct kp_replace *out,
                                             struct kp_error *e);
void kp_replace_write(struct kp_replace *r, const void *bytes, size_t size);
KP_NODISCARD enum kp_status kp_replace_commit(struct kp_replace *r, struct kp_error *e);
void kp_replace_abandon(
    struct kp_replace *r); /* after begin, in place of commit; also harmless after it */

/* In the name of every file that is not finished. */
#define KP_REPLACE_MARK ".tmp-"

/* Is this the temporary name of a file that was being replaced? Left behind if its process died. */
bool kp_replace_is_temporary(const char *name);

/* Make a folder and its parents; what it makes survives a power cut. */
KP_NODISCARD enum kp_status kp_folder_make(const char *path, struct kp_error *e);

/* Bring the entry of `path` in its folder to disk: a file that was made or renamed is found there
 * after a power cut. */
KP_NODISCARD enum kp_status kp_entry_sync(const char *path, struct kp_error *e);

bool kp_file_exists(const char *path);

/* `name` as seen from the folder of the file `base`; an absolute name stays. free() it. */
char *kp_path_beside(const char *base, const char *name);
char *kp_path_join(const char *folder, const char *name);

#endif
