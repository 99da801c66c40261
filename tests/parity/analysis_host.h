/* analysis_host.h - a stand-in for the host of analysis plugins: it hands out the features, logits
 * and gradients of fixtures/analysis.safetensors and keeps what a plugin emits. Its matrix helpers
 * are the real ones. All functions fail the test. */
#ifndef KP_TESTS_ANALYSIS_HOST_H
#define KP_TESTS_ANALYSIS_HOST_H

#include "analyse/state.h"

enum {
    ANALYSIS_ROWS = 60,
    ANALYSIS_CLASSES = 4,
    ANALYSIS_PARAMS = 25,
    ANALYSIS_NETS = 3,
    ANALYSIS_MEMORY = 256,
};

/* Net i has features[i] of width[i] and logits i. */
struct analysis_host {
    struct kp_analysing real; /* first: what the helpers see */
    const float *features[ANALYSIS_NETS];
    int64_t width[ANALYSIS_NETS];
    int64_t nets, subjects;
    struct kp_net_pair pairs[2];
    int64_t pair_count;
    struct kp_net_facts facts[ANALYSIS_NETS];
    bool unlabelled; /* the first row */
    void *memory[ANALYSIS_MEMORY];
    int memory_count;
    /* of the last run */
    char absent[512];
    char name[16][40], estimator[16][64];
    double value[16];
    int emitted;
    double array[64]; /* the one of this name */
    char array_name[40];
};

extern struct analysis_host analysis_host;

/* For all tests of a program: cmocka's group fixtures. */
int analysis_host_open(void **state);
int analysis_host_close(void **state);

/* Net 0 has array x of the fixture, net 1 array y, and they are a pair. */
void analysis_compare(const char *x, const char *y);

/* Run a plugin with options "name=value" that end with NULL; others have their defaults. */
void analysis_run(const char *name, const char *const *options);

/* What the plugin emitted under a name, and how it says that it was estimated. */
double analysis_emitted(const char *name);
const char *analysis_estimator(const char *name);

/* An array of the fixture. */
const double *analysis_expected(const char *name);

#endif
