/* analysis.h - an analysis in a plan: which runs it looks at, and how they are paired. */
#ifndef KP_STUDY_ANALYSIS_H
#define KP_STUDY_ANALYSIS_H

#include "study/study.h"

/* A net that an analysis looks at. */
struct kp_planned_net {
    int64_t run;         /* in the plan; of a weights file the student's, whose model it has */
    bool initial;        /* before training */
    double at;           /* kappa of its curve; 0: its end */
    const char *weights; /* of [teacher] file, or NULL */
};

struct kp_planned_analysis {
    const struct kp_analysis_config *config; /* of the configuration of the first subject's cell */
    struct kp_config *from;                  /* the configuration that holds it */
    struct kp_planned_net *nets;             /* subjects first, then partners */
    int64_t net_count, subject_count, room;
    struct kp_net_pair *pairs;
    int64_t pair_count, pair_room;
    bool partners;                   /* each pair is a subject and its partner */
    char suffix[KP_ANALYSIS_SUFFIX]; /* of result names */
};

void kp_planned_analysis_destroy(struct kp_planned_analysis *a);

#endif
