/* export.c - `kappa export`: the weights of a finished run as a file of their own. */
#include "app/answer.h"
#include "app/command.h"
#include "app/output.h"
#include "app/run_uid.h"
#include "app/setup.h"
#include "base/file.h"
#include "train/safetensors.h"

#include <stdlib.h>
#include <string.h>

/* Refuses a run that is not finished, and an analysis. `model`: what the weights are of. */
static int check_run(const char *database, const char *uid, char *model, size_t size)
{
    struct kp_answer answer = {0};
    struct kp_error e = {0};
    char sql[128], *word[3];
    int code = KP_EXIT_DONE;

    (void)snprintf(sql, sizeof(sql), "SELECT status, kind, model FROM run WHERE uid = '%s'", uid);
    if (kp_answer_ask(database, sql, &answer, &e) != KP_OK || !kp_answer_next(&answer, word, 3)) {
        code = e.status != KP_OK ? kp_say_error(&e) : KP_EXIT_FAILED;
        goto out;
    }
    (void)snprintf(model, size, "%s", word[2]);
    if (strcmp(word[1], "analysis") == 0) {
        kp_say("run %s is an analysis and has no weights; the run that it looked at", uid);
        code = KP_EXIT_USAGE;
    } else if (strcmp(word[0], "done") != 0) {
        kp_say("run %s is %s, not done; 'kappa run' with its experiment finishes it", uid, word[0]);
        code = KP_EXIT_USAGE;
    }
out:
    kp_answer_finish(&answer);
    return code;
}

/* The bytes of `from`, in a file that appears whole or not at all; their hash must be `sha256`. */
static enum kp_status copy(const char *from, const char *to, const char *sha256, struct kp_error *e)
{
    struct kp_mapping m = {0};
    struct kp_replace file = {0};
    char now[KP_HASH_SIZE];
    enum kp_status st = kp_file_map(from, &m, e);

    if (st == KP_OK)
        st = kp_replace_begin(to, &file, e);
    if (st == KP_OK) {
        kp_replace_write(&file, m.bytes, m.size);
        st = kp_replace_commit(&file, e);
    }
    kp_file_unmap(&m);
    if (st == KP_OK)
        st = kp_hash_file(to, now, e);
    if (st == KP_OK && strcmp(now, sha256) != 0)
        st = kp_fail(e, KP_E_IO, "%s: it was written, but reads otherwise: sha256 %s, not %s", to,
                     now, sha256);
    return st;
}

static enum kp_status describe(const char *path, const char *model, const char *uid,
                               const char *sha256, struct kp_error *e)
{
    struct kp_safetensors file = {0};
    int64_t numbers = 0;
    size_t bytes = 0;
    enum kp_status st = kp_safetensors_open(path, &file, e);

    if (st != KP_OK)
        return st;
    for (int64_t i = 0; i < file.count; i++) {
        numbers += kp_shape_count(file.arrays[i].shape);
        bytes += kp_stored_bytes(&file.arrays[i]);
    }
    (void)printf("%s: %s of run %s, %lld arrays, %lld numbers, %zu bytes of data\nsha256 %s\n",
                 path, model, uid, (long long)file.count, (long long)numbers, bytes, sha256);
    kp_safetensors_close(&file);
    return KP_OK;
}

static int export(const struct kp_arguments *a, const char *uid, const char *model)
{
    struct kp_store *store = NULL;
    struct kp_error e = {0}, closing = {0};
    char *weights = NULL, sha256[KP_HASH_SIZE];
    int code = kp_setup_store(a->db, KP_SETUP_READ, &store);

    if (code != KP_EXIT_DONE)
        return code;
    enum kp_status st = kp_run_weights(store, uid, "run", &weights, &e);
    if (st == KP_OK)
        st = kp_hash_file(weights, sha256, &e);
    if (st == KP_OK)
        st = copy(weights, a->out, sha256, &e);
    if (st == KP_OK)
        st = describe(a->out, model, uid, sha256, &e);
    if (st != KP_OK)
        code = kp_say_error(&e);
    if (kp_store_close(store, &closing) != KP_OK)
        code = kp_say_error(&closing);
    free(weights);
    return code;
}

static int command_export(const struct kp_arguments *a)
{
    char uid[KP_UID_SIZE], model[64] = "";
    int code;

    if (!a->out) {
        kp_say("export: where to? --out FILE.safetensors");
        return KP_EXIT_USAGE;
    }
    code = kp_run_uid(a->db, a->v[0], uid);
    if (code == KP_EXIT_DONE)
        code = check_run(a->db, uid, model, sizeof(model));
    if (code == KP_EXIT_DONE)
        code = export(a, uid, model);
    return code;
}

const struct kp_command kp_command_export = {
    .name = "export",
    .summary = "the weights of a finished run as a safetensors file",
    .synopsis = "RUN --out FILE [OPTION]...",
    .details =
        "RUN: a uid or the beginning of one. The file is checked against what the run recorded,\n"
        "copied, read again and compared. The arrays have the names of the equivalent PyTorch\n"
        "module (of a resnet torchvision's), which takes them with strict=True:\n"
        "    model.load_state_dict(safetensors.torch.load_file(\"FILE\"), strict=True)\n"
        "An existing FILE is replaced.\n",
    .example = "  kappa export 01JD --db kappa.db --out teacher.safetensors\n",
    .flags = KP_FLAG_DB | KP_FLAG_OUT,
    .least = 1,
    .most = 1,
    .run = command_export,
};
