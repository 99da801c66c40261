/* fuzz_books.c - any bytes as a file of tokens, and as a list of such files. */
#include "data/book.h"
#include "data/book_list.h"
#include "fuzz.h"

#include <string.h>

static void as_book(const uint8_t *bytes, size_t size)
{
    struct kp_book b = {0};
    struct kp_error e = {0};

    if (kp_book_parse(bytes, size, "book", &b, &e) == KP_OK) {
        KP_ASSERT(b.count >= 1 && b.ids >= bytes && b.ids + 2 * b.count == bytes + size);
        KP_ASSERT(kp_book_token(&b, 0) >= 0 && kp_book_token(&b, b.count - 1) <= 65535);
    } else {
        KP_ASSERT(e.status && strncmp(e.text, "book:", 5) == 0);
    }
}

static void as_list(const uint8_t *bytes, size_t size)
{
    struct kp_book_list list = {0};
    struct kp_error e = {0};

    if (kp_book_list_parse(bytes, size, "list", &list, &e) == KP_OK) {
        KP_ASSERT(list.count >= 1);
        for (int64_t i = 0; i < list.count; i++) {
            const char *path = list.book[i].path;
            KP_ASSERT(path[0] && path[0] != '/' && list.book[i].tokens >= 1);
            KP_ASSERT(strncmp(path, "../", 3) != 0 && !strstr(path, "/../"));
        }
    } else {
        KP_ASSERT(e.status && strncmp(e.text, "list:", 5) == 0);
    }
    kp_book_list_finish(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    as_book(bytes, size);
    as_list(bytes, size);
    return 0;
}
