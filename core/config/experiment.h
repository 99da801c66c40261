/* experiment.h - an INI file with its includes, overrides and sweep: many configurations. */
#ifndef KP_CONFIG_EXPERIMENT_H
#define KP_CONFIG_EXPERIMENT_H

#include "config/config.h"

struct kp_experiment;

/* What the command line adds, in its order: "section.key=value", or for a sweep axis the same with
 * commas. The prefix "teacher:" or "init:" sends a line to the experiment that the section names.
 */
struct kp_override {
    bool sweep;
    const char *text;
};

/* The rules of the text:
 *   later wins      includes in place, then the file's own lines, then --set and --sweep, left to
 * right continuation    an indented line goes on with the value above it: joined by a space, or, if
 * it begins with '\\', without one interpolation   ${section.key} and ${env:NAME}, once: what they
 * stand for is not looked at again; in [include] path only ${env:NAME} sweep           an axis wins
 * over a plain value of the same key in any file; a later --set of the key removes the axis cells
 * the first axis is the slowest, save that the axis of a plugin's choice comes before the axes of
 *                   plugin options
 *   --set, --sweep  do not reach the experiments that [teacher] and [init] name;
 *                   "teacher:section.key=value" and "init:section.key=value" do */

/* Parse the file and everything it includes, and open the plugins of [plugins] path. All errors are
 * collected in `report`, one a line: "file:line: section.key: what is wrong; what would be right".
 * KP_E_CONFIG if there is any. Line syntax, include cycles, lines too long for the parser, unknown
 * sections and keys (with the nearest known one), bad axes (unknown key, zip of unequal lengths)
 * are found here. */
KP_NODISCARD enum kp_status kp_experiment_open(const char *path,
                                               const struct kp_override *overrides,
                                               int64_t override_count, struct kp_registry *registry,
                                               struct kp_experiment **out, struct kp_text *report);
void kp_experiment_destroy(struct kp_experiment *x);

const char *kp_experiment_path(const struct kp_experiment *x);

/* Cells of the sweep after `zip`, `skip` and the rule that an axis of a plugin that the cell does
 * not choose does not multiply; 1 without a sweep. */
int64_t kp_experiment_cells(const struct kp_experiment *x);

/* Resolve one cell: defaults, values, interpolation, types and ranges. Errors as above; a line that
 * `report` already has is not added again, so that one report can serve all cells. */
KP_NODISCARD enum kp_status kp_experiment_resolve(const struct kp_experiment *x, int64_t cell,
                                                  const struct kp_registry *registry,
                                                  struct kp_config **out, struct kp_text *report);

/* The overrides that the command line addressed to the experiment that a reference names (prefix
 * removed), and unhashed ones that reach it as they are ([run] threads, [device] kind and index;
 * [data] root only the teacher, which has the same data). They live as long as `x`. */
const struct kp_override *kp_experiment_overrides(const struct kp_experiment *x,
                                                  enum kp_reference of, int64_t *count);

#endif
