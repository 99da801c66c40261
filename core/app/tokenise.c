/* tokenise.c - `kappa tokenise`: texts to tokens and back. */
#include "text/tokenise.h"

#include "app/command.h"
#include "app/format.h"
#include "app/interrupt.h"
#include "app/output.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/pool.h"
#include "data/book.h"

#include <stdlib.h>
#include <string.h>

#define TEST_SHARE    0.1
#define DRAW_INTERVAL 0.1  /* seconds */
#define DECODED       4096 /* tokens at a time */

/* What the terminal shows. */
struct shown {
    bool draws;
    double last; /* time of the last drawing */
};

static bool show_progress(void *arg, int64_t done, int64_t total)
{
    struct shown *s = arg;
    double now = kp_clock_monotonic();

    if (s->draws && now - s->last >= DRAW_INTERVAL) {
        (void)printf("\rtokenising: %d %%\033[K", (int)(100.0 * (double)done / (double)total));
        (void)fflush(stdout);
        s->last = now;
    }
    return !kp_interrupt_wanted();
}

static void print_result(const struct kp_tokenised *r, const struct kp_arguments *a, double seconds)
{
    static const char *const lists[] = {"file_list_train.npy", "file_list_test_iid.npy"};
    char text[KP_FORMAT_SIZE];

    for (int split = 0; split < KP_BOOKS_SPLITS; split++)
        if (r->books[split] > 0)
            (void)printf("%s/%s: %lld books, %lld tokens\n", a->out, lists[split],
                         (long long)r->books[split], (long long)r->tokens[split]);
    if (r->kept > 0)
        (void)printf("%lld of the books were there already\n", (long long)r->kept);
    if (r->stray > 0)
        (void)printf("%lld bytes belong to no UTF-8 character; each is a token of its own\n",
                     (long long)r->stray);
    (void)printf("%.1f MB of text in %s\n", (double)r->bytes / 1e6,
                 kp_format_duration(seconds, text));
}

/* Where --train puts the model that it makes. */
static char *trained_path(const struct kp_arguments *a)
{
    char *path;

    if (asprintf(&path, "%s/bpe_%lld.model", a->out, (long long)a->train) < 0)
        return NULL;
    return path;
}

/* The model to use: the one given, or the one that --train makes, unless it is there. */
static enum kp_status make_model(const struct kp_arguments *a, const struct kp_text_books *books,
                                 const char *path, struct kp_error *e)
{
    if (a->train == 0 || kp_file_exists(path))
        return KP_OK;
    if (!a->quiet) {
        (void)printf("%s: training a tokeniser of %lld tokens\n", path, (long long)a->train);
        (void)fflush(stdout);
    }
    enum kp_status st = kp_folder_make(a->out, e);
    return st ? st : kp_tokenise_train(books, a->train, kp_cpu_count(), path, e);
}

static int tokenise(const struct kp_arguments *a)
{
    struct shown shown = {.draws = !a->quiet && kp_is_terminal(stdout)};
    struct kp_text_books books = {0};
    struct kp_tokenised result;
    struct kp_error e = {0};
    char *model = a->model ? strdup(a->model) : trained_path(a);
    enum kp_status st =
        model ? kp_text_books_find(a->v[0], a->share < 0 ? TEST_SHARE : a->share, &books, &e)
              : kp_fail(&e, KP_E_NOMEM, "out of memory");

    if (st == KP_OK)
        st = make_model(a, &books, model, &e);
    double begin = kp_clock_monotonic();
    if (st == KP_OK) {
        const struct kp_tokenise_config config = {.books = &books,
                                                  .model = model,
                                                  .out = a->out,
                                                  .threads = kp_cpu_count(),
                                                  .progress = show_progress,
                                                  .arg = &shown};
        kp_interrupt_catch();
        st = kp_tokenise(&config, &result, &e);
    }
    if (shown.last > 0)
        (void)fputs("\r\033[K", stdout);
    if (st == KP_OK && !a->quiet)
        print_result(&result, a, kp_clock_monotonic() - begin);
    kp_text_books_finish(&books);
    free(model);
    return st == KP_OK ? KP_EXIT_DONE : kp_say_error(&e);
}

static enum kp_status print_book(const struct kp_tokeniser *t, const char *path, struct kp_error *e)
{
    struct kp_book book = {0};
    struct kp_text text = {0};
    int32_t ids[DECODED];
    enum kp_status st = kp_book_open(path, &book, e);

    for (int64_t i = 0; i < book.count && !st;) {
        int64_t n = 0, first = i;
        while (n < DECODED && i < book.count)
            ids[n++] = kp_book_token(&book, i++);
        kp_text_clear(&text);
        if (!kp_tokeniser_decode(t, ids, n, &text))
            st = kp_fail(e, KP_E_FORMAT,
                         "%s: tokens from %lld on are none of this tokeniser, which has 0 to %lld",
                         path, (long long)first, (long long)kp_tokeniser_size(t) - 1);
        else if (text.failed)
            st = kp_fail(e, KP_E_NOMEM, "no memory for a text");
        else
            (void)fwrite(text.s, 1, text.length, stdout);
    }
    kp_text_finish(&text);
    kp_book_close(&book);
    return st;
}

static int decode(const struct kp_arguments *a)
{
    struct kp_tokeniser *t = NULL;
    struct kp_error e = {0};
    enum kp_status st = kp_tokeniser_open(a->model, &t, &e);

    for (int i = 0; i < a->count && !st; i++)
        st = print_book(t, a->v[i], &e);
    kp_tokeniser_close(t);
    return st == KP_OK ? KP_EXIT_DONE : kp_say_error(&e);
}

static int command_tokenise(const struct kp_arguments *a)
{
    if (a->decode) {
        if (!a->model || a->train || a->out || a->share >= 0) {
            kp_say("tokenise --decode: wants token files and --model FILE, nothing else");
            return KP_EXIT_USAGE;
        }
        return decode(a);
    }
    if (a->count != 1) {
        kp_say("tokenise: %d folders; one folder of books would be right", a->count);
        return KP_EXIT_USAGE;
    }
    if (!a->out) {
        kp_say("tokenise: where to? --out FOLDER");
        return KP_EXIT_USAGE;
    }
    if (!a->model == !a->train) {
        kp_say("tokenise: %s; --model FILE for a tokeniser that is there, --train VOCABULARY for a "
               "new one",
               a->model ? "two tokenisers" : "by which tokeniser?");
        return KP_EXIT_USAGE;
    }
    return tokenise(a);
}

const struct kp_command kp_command_tokenise = {
    .name = "tokenise",
    .summary = "books, as text files, to the tokens that language models read",
    .synopsis = "BOOKS --model FILE|--train VOCABULARY --out FOLDER [OPTION]...\n"
                "       kappa tokenise FILE.npy... --model FILE --decode",
    .details =
        "BOOKS is a folder of .txt files, or has such folders train and test. Each book becomes\n"
        "FOLDER/NAME/files/BOOK.npy, 16 bits a token, NAME being that of the tokeniser;\n"
        "FOLDER/file_list_train.npy and FOLDER/file_list_test_iid.npy list the books. That is\n"
        "the layout of languini-kitchen: [data] set = languini reads it. The tokeniser is a\n"
        "model of SentencePiece, byte-fallback BPE whose tokens 0, 1, 2 are <pad>, <unk>, <D>.\n"
        "--train makes one with the settings of languini's (FOLDER/bpe_VOCABULARY.model) from the\n"
        "books for training. Books that are finished stay: an interrupted command goes on.\n",
    .example = "  kappa tokenise books --train 2048 --out tokens\n"
               "  kappa tokenise books --model books_16384.model --out tokens\n"
               "  kappa tokenise tokens/bpe_2048/files/emma.npy --model tokens/bpe_2048.model "
               "--decode\n",
    .flags = KP_FLAG_MODEL | KP_FLAG_TRAIN | KP_FLAG_OUT | KP_FLAG_SHARE | KP_FLAG_DECODE |
             KP_FLAG_QUIET,
    .least = 1,
    .most = 1 << 20,
    .run = command_tokenise,
};
