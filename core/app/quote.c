/* quote.c - words of a command line. */
#include "app/quote.h"

#include <string.h>

void kp_quote(const char *word, struct kp_text *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=.,:/@%";

    if (*word && strspn(word, plain) == strlen(word)) {
        kp_text_add(out, word);
        return;
    }
    kp_text_add(out, "'");
    for (; *word; word++) {
        if (*word == '\'')
            kp_text_add(out, "'\\''");
        else
            kp_text_add_bytes(out, word, 1);
    }
    kp_text_add(out, "'");
}
