/* symbols.h - what a shared object shows to others, read from its file. */
#ifndef KP_CONFORM_SYMBOLS_H
#define KP_CONFORM_SYMBOLS_H

#include "base/error.h"
#include "base/text.h"

/* Add the names of all symbols that the object defines for others, but `allowed`, with blanks
 * between. Nothing of it is run. KP_E_FORMAT if the file is no shared object of 64 bits, or
 * damaged; KP_E_IO. */
KP_NODISCARD enum kp_status kp_symbols_exported(const char *path, const char *allowed,
                                                struct kp_text *out, struct kp_error *e);

#endif
