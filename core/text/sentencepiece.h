/* sentencepiece.h - the SentencePiece library as C functions; nothing else sees its C++.
 *
 * sentencepiece.cc, or where the library is missing sentencepiece_none.c, in which every call that
 * can fail does so. A call that fails returns false and writes why, cut to KP_SPM_WHY bytes. */
#ifndef KP_TEXT_SENTENCEPIECE_H
#define KP_TEXT_SENTENCEPIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KP_SPM_WHY 512

enum kp_spm_kind {
    KP_SPM_TEXT = 0,
    KP_SPM_UNKNOWN = 1,
    KP_SPM_CONTROL = 2, /* never in a text */
    KP_SPM_BYTE = 3,    /* one byte, of a character that no piece has */
};

struct kp_spm;

/* Whether the library is there. */
extern const bool kp_spm_built;

/* A model from the bytes of its file. For several threads at once. */
bool kp_spm_load(const void *bytes, size_t size, struct kp_spm **out, char why[KP_SPM_WHY]);
void kp_spm_free(struct kp_spm *m);

int64_t kp_spm_size(const struct kp_spm *m);
const char *kp_spm_piece(const struct kp_spm *m, int64_t id, size_t *length);
enum kp_spm_kind kp_spm_kind(const struct kp_spm *m, int64_t id);

/* Hand the tokens of a text to `take`, all at once. */
bool kp_spm_encode(const struct kp_spm *m, const char *text, size_t n,
                   void (*take)(void *arg, const int *ids, size_t count), void *arg,
                   char why[KP_SPM_WHY]);

/* Make a byte-fallback BPE model of `vocabulary` pieces, of which 0 is <pad>, 1 <unk>, 2 <D> and 3
 * to 258 are the bytes; text is taken as it is, and numbers are split into digits. `next` gives the
 * lines of the text, false after the last one. The file's bytes go to `take`. */
bool kp_spm_train(int64_t vocabulary, int threads,
                  bool (*next)(void *arg, const char **line, size_t *n),
                  void (*take)(void *arg, const char *bytes, size_t n), void *arg,
                  char why[KP_SPM_WHY]);

#ifdef __cplusplus
}
#endif

#endif
