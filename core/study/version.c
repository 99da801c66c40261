/* version.c - versions, for the record. */
#include "study/version.h"

#include "data/libraries.h"
#include "store/query.h"

#include <cjson/cJSON.h>
#include <gnu/libc-version.h>
#include <zlib.h>

const char *const kp_version = KP_VERSION;

void kp_version_text(struct kp_text *out)
{
    kp_text_addf(out, "kappa %s, ", kp_version);
#if defined(__clang__)
    kp_text_addf(out, "clang %s", __clang_version__);
#else
    kp_text_addf(out, "gcc %s", __VERSION__);
#endif
    kp_text_addf(out, ", glibc %s", gnu_get_libc_version());
    kp_text_addf(out, ", sqlite %s, zlib %s, cjson %s", kp_store_library_version(), zlibVersion(),
                 cJSON_Version());
    kp_text_add(out, ", ");
    kp_data_libraries(out);
}
