/* queries.h - the queries of experiments/sql, by name. */
#ifndef KP_APP_QUERIES_H
#define KP_APP_QUERIES_H

#include "base/error.h"
#include "base/text.h"

/* Can `text` be the name of a query, which is that of its file without .sql? */
bool kp_query_is_name(const char *text);

/* The path of the query of this name, there or not: in the folder experiments/sql here if there
 * is one, else in that which this kappa brings along. free() it. */
KP_NODISCARD enum kp_status kp_query_path(const char *name, char **out, struct kp_error *e);

/* A line for each query: its name and its title, which is the first line of its file behind
 * "-- title:". KP_E_INVALID, with what would be right, if there is none here. */
KP_NODISCARD enum kp_status kp_queries_list(struct kp_text *out, struct kp_error *e);

#endif
