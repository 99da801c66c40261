/* new.c - `kappa new`: a folder with a plugin that builds, from the templates of this kappa. */
#include "app/command.h"
#include "app/output.h"
#include "app/quote.h"
#include "app/setup.h"
#include "base/file.h"
#include "base/program.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MOST = 32, TEMPLATE_LIMIT = 1 << 20 };

static enum kp_kind find_kind(const char *text)
{
    const char *near = NULL;
    size_t least = 4;

    if (kp_kind_of(text) != KP_KINDS)
        return kp_kind_of(text);
    for (int i = 0; i < KP_KINDS; i++) {
        size_t distance = kp_text_distance(text, kp_kind_names[i]);
        if (distance < least) {
            near = kp_kind_names[i];
            least = distance;
        }
    }
    kp_say("%s: no kind of plugin; model, objective, metric, dataset or op%s%s%s", text,
           near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return KP_KINDS;
}

/* Is it the name of a plugin and of the identifiers of its source? If not, say what could be. */
static bool check_name(const char *name)
{
    char better[NAME_MOST + 1] = "";
    size_t n = 0;
    size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

    if (name[good] == '\0' && good > 0 && good <= NAME_MOST && islower((unsigned char)name[0]))
        return true;
    for (const char *c = name; *c && n < NAME_MOST; c++) {
        int lower = tolower((unsigned char)*c);
        bool letter = lower >= 'a' && lower <= 'z';
        if (letter || (n > 0 && lower >= '0' && lower <= '9'))
            better[n++] = (char)lower;
        else if (n > 0 && better[n - 1] != '_')
            better[n++] = '_';
    }
    while (n > 0 && better[n - 1] == '_')
        better[--n] = '\0';
    kp_say("'%.80s' cannot be the name of a plugin; 1 to %d of a-z 0-9 _ with a letter first%s%s",
           name, (int)NAME_MOST, n > 0 ? ", such as " : "", better);
    return false;
}

static bool is_taken(const struct kp_registry *r, enum kp_kind kind, const char *name,
                     const struct kp_loaded **by)
{
    for (int64_t i = 0; i < r->count; i++)
        if (strcmp(r->loaded[i]->plugin->name, name) == 0) {
            *by = r->loaded[i];
            return true;
        }
    return kp_registry_find(r, kind, name, by) != NULL;
}

static int check_free(enum kp_kind kind, const char *name)
{
    struct kp_registry registry = {0};
    const struct kp_loaded *by = NULL;
    int code = kp_setup_registry(&registry);

    if (code == KP_EXIT_DONE && is_taken(&registry, kind, name, &by)) {
        kp_say("the name '%s' is taken by %s; choose another", name, by->path);
        code = KP_EXIT_USAGE;
    }
    kp_registry_finish(&registry);
    return code;
}

/* The text with `name` wherever it says `placeholder`. */
static void put(struct kp_text *out, const char *text, const char *placeholder, const char *name)
{
    const char *found;

    while ((found = strstr(text, placeholder)) != NULL) {
        kp_text_add_bytes(out, text, (size_t)(found - text));
        kp_text_add(out, name);
        text = found + strlen(placeholder);
    }
    kp_text_add(out, text);
}

/* One file of the template, under its new name in `folder`; that is added to `made`. */
static enum kp_status copy_file(const char *from, const char *file, const char *folder,
                                const char *placeholder, const char *name, struct kp_text *made,
                                struct kp_error *e)
{
    struct kp_text new_name = {0}, text = {0};
    struct kp_replace r = {0};
    uint8_t *bytes = NULL;
    size_t size;
    char *source = kp_path_join(from, file), *target = NULL;
    enum kp_status st = source ? kp_file_read(source, TEMPLATE_LIMIT, &bytes, &size, e)
                               : kp_fail(e, KP_E_NOMEM, "out of memory");

    if (st != KP_OK)
        goto out;
    put(&new_name, file, placeholder, name);
    put(&text, (const char *)bytes, placeholder, name);
    target = new_name.failed ? NULL : kp_path_join(folder, new_name.s);
    if (!target || text.failed) {
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
        goto out;
    }
    st = kp_replace_begin(target, &r, e);
    if (st != KP_OK)
        goto out;
    kp_replace_write(&r, text.s, text.length);
    st = kp_replace_commit(&r, e);
    kp_text_addf(made, "%s\n", target);
out:
    kp_text_finish(&new_name);
    kp_text_finish(&text);
    free(bytes);
    free(source);
    free(target);
    return st;
}

static int is_visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* The files of a folder of templates, which say my_WORD where the plugin's name belongs. */
static enum kp_status copy_all(const char *templates, const char *subfolder, const char *word,
                               const char *folder, const char *name, struct kp_text *made,
                               struct kp_error *e)
{
    struct dirent **files = NULL;
    char placeholder[32];
    char *from = kp_path_join(templates, subfolder);
    int n = from ? scandir(from, &files, is_visible, alphasort) : 0;
    enum kp_status st = KP_OK;

    (void)snprintf(placeholder, sizeof(placeholder), "my_%s", word);
    if (!from)
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    else if (n <= 0)
        st = kp_fail(e, KP_E_IO, "%s: no template there; reinstall kappa", from);
    for (int i = 0; i < n; i++) {
        if (st == KP_OK)
            st = copy_file(from, files[i]->d_name, folder, placeholder, name, made, e);
        free(files[i]);
    }
    free((void *)files);
    free(from);
    return st;
}

/* Take back what was made before something failed. */
static void take_back(const char *folder, struct kp_text *made)
{
    char *rest = made->s;
    char *path;

    while ((path = strsep(&rest, "\n")) != NULL)
        if (*path)
            (void)unlink(path);
    (void)rmdir(folder);
}

static enum kp_status make(enum kp_kind kind, const char *name, const char *folder,
                           struct kp_text *made, struct kp_error *e)
{
    char *templates = NULL;
    enum kp_status st = kp_program_data("plugins/template", &templates, e);

    if (st == KP_OK && mkdir(folder, 0777) != 0)
        st = errno == EEXIST ? kp_fail(e, KP_E_INVALID,
                                       "%s: is there already, and stays as it is; another name, or "
                                       "another folder with --dir",
                                       folder)
                             : kp_fail(e, KP_E_IO, "%s: %s", folder, strerror(errno));
    else if (st == KP_OK &&
             ((st = copy_all(templates, kp_kind_names[kind], kp_kind_names[kind], folder, name,
                             made, e)) != KP_OK ||
              (st = copy_all(templates, "common", "plugin", folder, name, made, e)) != KP_OK))
        take_back(folder, made);
    free(templates);
    return st;
}

static void print_next(const char *folder, const char *name, const char *made)
{
    struct kp_text quoted = {0};

    kp_quote(folder, &quoted);
    (void)printf("%s"
                 "\nBuild, check and use it:\n"
                 "  cd %s\n"
                 "  cc -std=c17 -O2 -fPIC -shared $(pkg-config --cflags kappa) -o %s.so %s.c -lm\n"
                 "  kappa check .\n"
                 "  kappa run %s.ini\n"
                 "\nREADME.md there tells more.\n",
                 made, quoted.failed ? folder : quoted.s, name, name, name);
    kp_text_finish(&quoted);
}

static int command_new(const struct kp_arguments *a)
{
    enum kp_kind kind = find_kind(a->v[0]);
    const char *name = a->v[1];
    const char *folder = a->dir ? a->dir : name;
    struct kp_text made = {0};
    struct kp_error e = {0};
    int code;

    if (kind == KP_KINDS || !check_name(name))
        return KP_EXIT_USAGE;
    code = check_free(kind, name);
    if (code == KP_EXIT_DONE && make(kind, name, folder, &made, &e) != KP_OK)
        code = kp_say_error(&e);
    if (code == KP_EXIT_DONE)
        print_next(folder, name, made.s ? made.s : "");
    kp_text_finish(&made);
    return code;
}

const struct kp_command kp_command_new = {
    .name = "new",
    .summary = "a folder with a plugin of your own that builds, to begin with",
    .synopsis = "model|objective|metric|dataset|op NAME [OPTION]...",
    .details =
        "Makes the folder NAME (or that of --dir): a commented C file, a unit test, meson.build,\n"
        "an experiment that uses the plugin, and README.md with the command that builds it. NAME\n"
        "has small letters, digits and '_'. A folder that is there is left alone.\n",
    .example = "  kappa new objective my_loss\n"
               "  kappa new model tiny --dir plugins/tiny\n",
    .flags = KP_FLAG_DIR,
    .least = 2,
    .most = 2,
    .run = command_new,
};
