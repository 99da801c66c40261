/* answer.h - rows of a query as words. */
#ifndef KP_APP_ANSWER_H
#define KP_APP_ANSWER_H

#include "base/error.h"
#include "base/text.h"

/* The rows of a query, walked one at a time. The query is one whose values hold no comma, quote or
 * line break. */
struct kp_answer {
    struct kp_text text;
    char *rest;
};

KP_NODISCARD enum kp_status kp_answer_ask(const char *database, const char *sql,
                                          struct kp_answer *out, struct kp_error *e);

/* The next row's `count` words; missing ones are "". They point into the answer. */
bool kp_answer_next(struct kp_answer *a, char **word, int count);

void kp_answer_finish(struct kp_answer *a);

/* A run's uid or the beginning of one: nothing but letters and digits. */
bool kp_is_uid(const char *text);

#endif
