/* languini.h - tokenised books as a dataset: `[data] set = languini`.
 *
 * The layout is that of languini-kitchen and of `kappa tokenise` (core/text/tokenise.h). An example
 * is a window of one row, number = window x rows + row, so that batches of `rows` examples in order
 * are those of the study's code; see stream.h. Training rows go round, the test ends. */
#ifndef KP_DATA_LANGUINI_H
#define KP_DATA_LANGUINI_H

#include "kappa/plugin.h"

extern const struct kp_plugin kp_languini_plugin;

#endif
