/* spm_model.h - the bytes of small SentencePiece models, made by hand (its
 * sentencepiece_model.proto, in the encoding of Protocol Buffers). */
#ifndef KP_TESTS_SPM_MODEL_H
#define KP_TESTS_SPM_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct spm_bytes {
    uint8_t *v;
    size_t n, room;
};

struct spm_model {
    int64_t pieces;
    const char *third;   /* token 2 */
    bool no_bytes;       /* ordinary pieces in their place */
    bool blank_at_start; /* add_dummy_prefix */
};

static inline void spm_byte(struct spm_bytes *b, uint8_t byte)
{
    if (b->n == b->room) {
        b->room = 2 * b->room + 64;
        b->v = realloc(b->v, b->room);
        if (!b->v)
            abort();
    }
    b->v[b->n++] = byte;
}

static inline void spm_number(struct spm_bytes *b, uint64_t v)
{
    for (; v >= 128; v >>= 7)
        spm_byte(b, (uint8_t)(v | 128));
    spm_byte(b, (uint8_t)v);
}

static inline void spm_int(struct spm_bytes *b, unsigned field, int64_t v)
{
    spm_number(b, field << 3);
    spm_number(b, (uint64_t)v);
}

static inline void spm_put(struct spm_bytes *b, unsigned field, const void *bytes, size_t n)
{
    spm_number(b, field << 3 | 2);
    spm_number(b, n);
    for (size_t i = 0; i < n; i++)
        spm_byte(b, ((const uint8_t *)bytes)[i]);
}

static inline void spm_put_message(struct spm_bytes *b, unsigned field, struct spm_bytes *message)
{
    spm_put(b, field, message->v, message->n);
    free(message->v);
    *message = (struct spm_bytes){0};
}

static inline void spm_put_piece(struct spm_bytes *b, const char *text, int kind)
{
    struct spm_bytes piece = {0};

    spm_put(&piece, 1, text, strlen(text));
    spm_int(&piece, 3, kind);
    spm_put_message(b, 1, &piece);
}

/* The tokens behind the bytes' are a blank, "qu", "uq", "qq" and "uu"; the rest never comes up. */
enum { SPM_BLANK = 259, SPM_QU = 260, SPM_REST = 264 };

/* The file's bytes; free(v). */
static inline struct spm_bytes spm_model_bytes(struct spm_model m)
{
    enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER = 4, BYTE = 6, BPE = 2 };
    static const char *const behind_bytes[] = {"\xE2\x96\x81", "qu", "uq", "qq", "uu"};
    struct spm_bytes b = {0}, trainer = {0}, normaliser = {0};
    char text[32];

    spm_put_piece(&b, "<pad>", CONTROL);
    spm_put_piece(&b, "<unk>", UNKNOWN);
    spm_put_piece(&b, m.third, USER);
    for (int64_t i = 3; i < m.pieces; i++) {
        bool byte = i < SPM_BLANK && !m.no_bytes;
        if (i >= SPM_BLANK && i < SPM_REST)
            (void)snprintf(text, sizeof text, "%s", behind_bytes[i - SPM_BLANK]);
        else
            (void)snprintf(text, sizeof text, byte ? "<0x%02X>" : "piece%d",
                           (int)i - (byte ? 3 : 0));
        spm_put_piece(&b, text, byte ? BYTE : NORMAL);
    }
    spm_int(&trainer, 3, BPE);
    spm_int(&trainer, 35, !m.no_bytes); /* byte_fallback */
    spm_int(&trainer, 40, 1);           /* unk_id, then bos_id, eos_id, pad_id */
    spm_int(&trainer, 41, -1);
    spm_int(&trainer, 42, -1);
    spm_int(&trainer, 43, 0);
    spm_put_message(&b, 2, &trainer);
    spm_put(&normaliser, 1, "identity", strlen("identity"));
    spm_int(&normaliser, 3, m.blank_at_start);
    spm_int(&normaliser, 4, 0); /* remove_extra_whitespaces */
    spm_int(&normaliser, 5, 1); /* escape_whitespaces */
    spm_put_message(&b, 3, &normaliser);
    return b;
}

#endif
