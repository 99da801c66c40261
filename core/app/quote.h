/* quote.h - words of a command line. */
#ifndef KP_APP_QUOTE_H
#define KP_APP_QUOTE_H

#include "base/text.h"

/* Add a word so that a shell reads it as it is. */
void kp_quote(const char *word, struct kp_text *out);

#endif
