/* vocabulary.h - the tokens of a tokeniser by name, and how much text each of them stands for.
 *
 * The file NAME.vocab beside the books, as SentencePiece writes it: a line for each token, its
 * piece and perhaps, behind a tab, a score. The first three are <pad>, <unk> and <D>. */
#ifndef KP_DATA_VOCABULARY_H
#define KP_DATA_VOCABULARY_H

#include "base/error.h"

#define KP_TOKENS_MAX 65536 /* token files have 16 bits for a token */

/* What stands between books, <D>. */
#define KP_TOKEN_SEPARATOR 2

/* Zero-initialise it. */
struct kp_vocabulary {
    int64_t count;
    /* [count] Characters of the decoded text, as Python counts them: code points of the piece (a
     * blank is written U+2581, one character as well), none of <pad>, 3 of <unk>, which is decoded
     * to " \u2047 ". The bytes of a character that has no piece count 1 together, the first of
     * them; a byte that no character begins with, 0x80 to 0xBF, counts 0 also where it stands
     * alone. */
    float *length;
};

/* Parse the bytes of a file. KP_E_FORMAT names the line: it is empty, no UTF-8, or another than
 * those that kappa takes the first three for. */
KP_NODISCARD enum kp_status kp_vocabulary_parse(const uint8_t *bytes, size_t size, const char *name,
                                                struct kp_vocabulary *out, struct kp_error *e);
KP_NODISCARD enum kp_status kp_vocabulary_read(const char *path, struct kp_vocabulary *out,
                                               struct kp_error *e);
void kp_vocabulary_finish(struct kp_vocabulary *v); /* also of a zeroed one */

#endif
