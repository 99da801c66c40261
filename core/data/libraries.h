/* libraries.h - what decodes images: pixels depend on it. */
#ifndef KP_DATA_LIBRARIES_H
#define KP_DATA_LIBRARIES_H

#include "base/text.h"

/* Append "libjpeg-turbo 2.1.5, libpng 1.6.39". */
void kp_data_libraries(struct kp_text *out);

#endif
