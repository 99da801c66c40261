/* tokeniser.h - text to tokens and back: byte-fallback BPE of the SentencePiece library.
 *
 * The kind that languini's books have: token 0 is <pad>, 1 <unk>, 2 <D> between documents, 3 to 258
 * the bytes; text is taken as it is, nothing is normalised. Any bytes can be encoded, and decoding
 * gives them back; only U+2581, which stands for a blank inside of a model, comes back as one. */
#ifndef KP_TEXT_TOKENISER_H
#define KP_TEXT_TOKENISER_H

#include "base/error.h"
#include "base/text.h"

#define KP_TOKEN_PAD      0
#define KP_TOKEN_DOCUMENT 2 /* <D> */
#define KP_TOKEN_BYTE     3 /* that of byte 0 */

/* Token files have 16 bits for a token. */
#define KP_VOCABULARY_MAX 65535

struct kp_tokeniser; /* immutable, for several threads */

/* Read a model file. KP_E_FORMAT: it is no model, or one of another kind; KP_E_UNSUPPORTED: kappa
 * was built without the library. */
KP_NODISCARD enum kp_status kp_tokeniser_open(const char *path, struct kp_tokeniser **out,
                                              struct kp_error *e);
void kp_tokeniser_close(struct kp_tokeniser *t);

/* Tokens are 0 .. this - 1. */
int64_t kp_tokeniser_size(const struct kp_tokeniser *t);

/* The piece as the model spells it, for lists of them: "<0x0A>", "\xE2\x96\x81the". */
const char *kp_tokeniser_piece(const struct kp_tokeniser *t, int64_t id);

/* Add the text of tokens. False: a number is no token. */
bool kp_tokeniser_decode(const struct kp_tokeniser *t, const int32_t *ids, int64_t count,
                         struct kp_text *out);

/* Tokens that were made; zero-initialise it, free(v). */
struct kp_ids {
    int32_t *v;
    int64_t count, room;
    bool failed; /* out of memory; sticky */
};

/* What one thread needs to encode: it remembers the tokens of frequent words. The tokeniser
 * outlives it. */
struct kp_encoder;

KP_NODISCARD enum kp_status kp_encoder_create(const struct kp_tokeniser *t, struct kp_encoder **out,
                                              struct kp_error *e);
void kp_encoder_destroy(struct kp_encoder *c);

/* Add the tokens of a text. A byte that belongs to no UTF-8 character becomes its byte's token, and
 * is counted in *stray. */
KP_NODISCARD enum kp_status kp_encode(struct kp_encoder *c, const char *text, size_t n,
                                      struct kp_ids *out, int64_t *stray, struct kp_error *e);

/* Train a model on lines, which `next` gives until it returns false; the bytes of its file are
 * added to *model. */
KP_NODISCARD enum kp_status
kp_tokeniser_train(int64_t vocabulary, int threads,
                   bool (*next)(void *arg, const char **line, size_t *n), void *arg,
                   struct kp_text *model, struct kp_error *e);

#endif
