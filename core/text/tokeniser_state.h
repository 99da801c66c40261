/* tokeniser_state.h - a model with what encoding and decoding ask for often; inside this room. */
#ifndef KP_TEXT_TOKENISER_STATE_H
#define KP_TEXT_TOKENISER_STATE_H

#include "base/arena.h"
#include "text/sentencepiece.h"
#include "text/tokeniser.h"

/* What a token stands for in a text. */
struct kp_piece {
    const char *bytes;
    size_t length;
};

struct kp_tokeniser {
    struct kp_spm *model;
    struct kp_arena memory;
    struct kp_piece *piece; /* [size] */
    int64_t size;
    uint8_t joined[65536 / 8]; /* see kp_tokeniser_joins() */
};

/* Can a piece go on from a character that ends with byte a to one that begins with byte b? Where
 * not, a text can be cut, and its parts encoded alone: BPE joins nothing across that place. */
static inline bool kp_tokeniser_joins(const struct kp_tokeniser *t, uint8_t a, uint8_t b)
{
    unsigned pair = (unsigned)a << 8 | b;

    return t->joined[pair / 8] >> pair % 8 & 1;
}

/* Tokens of a text from the library alone. */
KP_NODISCARD enum kp_status kp_tokeniser_encode_plain(const struct kp_tokeniser *t,
                                                      const char *text, size_t n,
                                                      struct kp_ids *out, struct kp_error *e);

void kp_ids_add(struct kp_ids *ids, const int32_t *v, int64_t count);

#endif
