/* fuzz_list.c - any bytes as a list of image files. */
#include "data/catalogue.h"
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct kp_catalogue c = {0};
    struct kp_error e = {0};
    char key[KP_HASH_SIZE];

    if (kp_catalogue_parse((const char *)bytes, size, "list", &c, &e) == KP_OK) {
        for (int s = 0; s < KP_SPLITS; s++) {
            KP_ASSERT(c.count[s] >= 1);
            for (int64_t i = 0; i < c.count[s]; i++)
                KP_ASSERT(c.file[s][i].path[0] && c.file[s][i].label >= 0 &&
                          c.file[s][i].label < c.classes);
        }
        KP_ASSERT(kp_catalogue_key(&c, 0, true, key, &e) == KP_OK);
    } else {
        KP_ASSERT(e.status && strncmp(e.text, "list:", 5) == 0);
    }
    kp_catalogue_finish(&c);
    return 0;
}
