/* ini_file.h - the text of one INI file as entries with line numbers. */
#ifndef KP_CONFIG_INI_FILE_H
#define KP_CONFIG_INI_FILE_H

#include "config/problem.h"

/* Characters of a line that the parser takes. */
#define KP_INI_LINE_MAX 199

struct kp_ini_entry {
    const char *section, *key, *value; /* value: continuation lines joined */
    int line;                          /* of the key */
};

/* Zero-initialise it. Texts live in `memory`. */
struct kp_ini {
    struct kp_ini_entry *v;
    int64_t count, room;
};

/* Parse `size` bytes. `file` and `order` are those of the places of problems. At most `limit`
 * entries. Goes on after a problem, so that all of them are found. */
void kp_ini_parse(const char *bytes, size_t size, const char *file, int order, int64_t limit,
                  struct kp_arena *memory, struct kp_ini *out, struct kp_problems *problems);
void kp_ini_finish(struct kp_ini *ini);

/* Add "key = value\n" with the value on continuation lines where it is too long for one line.
 * `comment` (or NULL) follows behind ';' where it fits. The value is one that kp_option_check()
 * accepted. */
void kp_ini_print(struct kp_text *out, const char *key, const char *value, const char *comment);

#endif
