/* findings.c - what a sanitizer or valgrind found in a plugin. */
#include "conform/findings.h"

#include <stdlib.h>
#include <string.h>

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The text from `from` to the end of its line. */
static size_t line_length(const char *from)
{
    return strcspn(from, "\n");
}

static bool line_has(const char *line, const char *text)
{
    const char *at = strstr(line, text);

    return at && at < line + line_length(line);
}

/* Beginnings of findings. What follows the tool's name is the finding itself. */
static const char *finding_on(const char *line)
{
    static const char *const marks[] = {
        "AddressSanitizer: ", "ThreadSanitizer: ", "LeakSanitizer: ", "runtime error: "};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (line_has(line, marks[i]))
            return strstr(line, marks[i]);
    return line_has(line, "irect leak of ") ? line : NULL;
}

/* The function of "    #0 0x7f in build /tmp/own.c:12" or "    #0 build /tmp/own.c:12"; NULL if the
 * line is no frame. */
static const char *function_on(const char *line)
{
    const char *at = line + strspn(line, " ");

    if (*at != '#')
        return NULL;
    at += 1 + strspn(at + 1, "0123456789");
    at += strspn(at, " ");
    if (strncmp(at, "0x", 2) == 0) {
        at += strcspn(at, " \n");
        at += strncmp(at, " in ", 4) == 0 ? 4 : 0;
    }
    return at;
}

/* A frame with one of the sources: " in build (own.c:12)". */
static bool add_frame(const char *line, char *const *sources, int count, struct kp_text *out)
{
    const char *function = function_on(line);
    size_t n = line_length(line);

    if (!function)
        return false;
    for (int i = 0; i < count; i++) {
        const char *name = base_of(sources[i]);
        const char *at = strstr(line, name);

        if (!at || at > line + n || at[strlen(name)] != ':')
            continue;
        kp_text_add(out, " in ");
        kp_text_add_bytes(out, function, strcspn(function, " \n"));
        kp_text_add(out, " (");
        kp_text_add_bytes(out, at, strcspn(at, " \n"));
        kp_text_add(out, ")");
        return true;
    }
    return false;
}

/* "own.c:12:5: runtime error: ..." names the place itself. */
static bool names_source(const char *line, const char *finding, char *const *sources, int count)
{
    for (int i = 0; i < count; i++) {
        const char *at = strstr(line, base_of(sources[i]));
        if (at && at < finding)
            return true;
    }
    return false;
}

bool kp_findings_of_sanitizer(const char *said, char *const *sources, int count,
                              struct kp_text *out)
{
    const char *finding = NULL;

    for (const char *line = said; line && *line; line += line_length(line)) {
        line += *line == '\n';
        const char *found = finding_on(line);
        if (found && strncmp(found, "runtime error", 13) == 0 &&
            names_source(line, found, sources, count)) {
            const char *from = line + line_length(line);
            while (from > line && from[-1] != '/')
                from--;
            kp_text_add_bytes(out, from, line_length(from));
            return true;
        }
        finding = found ? found : finding;
        if (!finding)
            continue;
        struct kp_text frame = {0};
        if (add_frame(line, sources, count, &frame)) {
            /* Addresses and what else a tool puts in brackets say nothing here. */
            kp_text_add_bytes(out, finding, strcspn(finding, "\n("));
            while (out->length > 0 && out->s[out->length - 1] == ' ')
                out->s[--out->length] = '\0';
            kp_text_add(out, frame.s);
            kp_text_finish(&frame);
            return true;
        }
    }
    return false;
}

/* Add the text between <tag> and </tag> in an element; false if it is not there. */
static bool add_tag(const char *element, const char *end, const char *tag, struct kp_text *out)
{
    struct kp_text open = {0};
    bool found = false;

    kp_text_addf(&open, "<%s>", tag);
    const char *at = open.s ? strstr(element, open.s) : NULL;
    if (at && at < end) {
        at += open.length;
        kp_text_add_bytes(out, at, strcspn(at, "<"));
        found = true;
    }
    kp_text_finish(&open);
    return found;
}

bool kp_findings_of_valgrind(const char *said, const char *object, struct kp_text *out)
{
    const char *error = said;

    while (error && (error = strstr(error, "<error>")) != NULL) {
        const char *end = strstr(error, "</error>");
        const char *frame = error;

        if (!end)
            return false;
        while ((frame = strstr(frame, "<frame>")) != NULL && frame < end) {
            const char *frame_end = strstr(frame, "</frame>");
            const char *name = strstr(frame, base_of(object));

            if (!frame_end || !name || name > frame_end) {
                frame++;
                continue;
            }
            kp_text_add(out, "valgrind: ");
            if (!add_tag(error, end, "what", out) && !add_tag(error, end, "text", out))
                kp_text_add(out, "a wrong access");
            kp_text_add(out, " in ");
            if (!add_tag(frame, frame_end, "fn", out))
                kp_text_add(out, "the plugin");
            kp_text_add(out, " (");
            if (!add_tag(frame, frame_end, "file", out))
                kp_text_add(out, base_of(object));
            else {
                kp_text_add(out, ":");
                (void)add_tag(frame, frame_end, "line", out);
            }
            kp_text_add(out, ")");
            return true;
        }
        error = end;
    }
    return false;
}
