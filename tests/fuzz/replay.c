/* replay.c - runs a fuzzer's entry over every file of the folders given: the corpus as a test. */
#include "base/file.h"
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT ((size_t)16 << 20)

/* In memory of exactly the file's size, so that sanitizers see a read beyond it. */
static bool replay_bytes(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);

    if (!exact)
        return false;
    memcpy(exact, bytes, size);
    int result = LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return result == 0;
}

/* The file, and two cuts of it: most bugs of parsers are about ends. */
static bool replay_file(const char *path)
{
    struct kp_error e = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;

    if (kp_file_read(path, FILE_LIMIT, &bytes, &size, &e)) {
        (void)fprintf(stderr, "%s\n", e.text);
        return false;
    }
    bool ok = replay_bytes(bytes, size) && replay_bytes(bytes, size / 2) &&
              replay_bytes(bytes, size ? size - 1 : 0);
    free(bytes);
    return ok;
}

/* Number of files replayed; -1 after a failure. */
static int replay_folder(const char *folder)
{
    int count = 0;

    DIR *d = opendir(folder);
    if (!d) {
        (void)fprintf(stderr, "%s: cannot open this folder\n", folder);
        return -1;
    }
    for (const struct dirent *x = readdir(d); x && count >= 0; x = readdir(d)) {
        if (x->d_name[0] == '.')
            continue;
        char *path = kp_path_join(folder, x->d_name);
        if (!path || !replay_file(path))
            count = -1;
        else
            count++;
        free(path);
    }
    (void)closedir(d);
    return count;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "usage: %s FOLDER...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        int count = replay_folder(argv[i]);
        if (count < 0)
            return 1;
        if (count == 0) {
            (void)fprintf(stderr, "%s: no files\n", argv[i]);
            return 1;
        }
        (void)printf("%s: %d files\n", argv[i], count);
    }
    return 0;
}
