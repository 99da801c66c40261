/* sentencepiece_none.c - in place of sentencepiece.cc where the library is missing. */
#include "text/sentencepiece.h"

#include "base/error.h"

#include <stdio.h>

const bool kp_spm_built = false;

static bool missing(char why[KP_SPM_WHY])
{
    (void)snprintf(why, KP_SPM_WHY, "SentencePiece is missing");
    return false;
}

bool kp_spm_load(const void *bytes, size_t size, struct kp_spm **out, char why[KP_SPM_WHY])
{
    (void)bytes;
    (void)size;
    (void)out;
    return missing(why);
}

void kp_spm_free(struct kp_spm *m)
{
    KP_ASSERT(!m);
}

/* There is no model, of which the functions below could be asked. */

int64_t kp_spm_size(const struct kp_spm *m)
{
    KP_ASSERT(m);
    return 0;
}

const char *kp_spm_piece(const struct kp_spm *m, int64_t id, size_t *length)
{
    (void)id;
    (void)length;
    KP_ASSERT(m);
    return "";
}

enum kp_spm_kind kp_spm_kind(const struct kp_spm *m, int64_t id)
{
    (void)id;
    KP_ASSERT(m);
    return KP_SPM_TEXT;
}

bool kp_spm_encode(const struct kp_spm *m, const char *text, size_t n,
                   void (*take)(void *arg, const int *ids, size_t count), void *arg,
                   char why[KP_SPM_WHY])
{
    (void)m;
    (void)text;
    (void)n;
    (void)take;
    (void)arg;
    return missing(why);
}

bool kp_spm_train(int64_t vocabulary, int threads,
                  bool (*next)(void *arg, const char **line, size_t *n),
                  void (*take)(void *arg, const char *bytes, size_t n), void *arg,
                  char why[KP_SPM_WHY])
{
    (void)vocabulary;
    (void)threads;
    (void)next;
    (void)take;
    (void)arg;
    return missing(why);
}
