/* row_call.h - what a row function is called with; of KP_ROW_REAL, for row.h. */

struct KP_ROW_TYPED(kp_row);

/* Function table of a row, given by the host in the version for its processor. Append only. The
 * macros of row.h call it and say what each function does; n is the row's classes. */
struct KP_ROW_TYPED(kp_row_fn) {
    size_t size;
    double (*max)(int64_t n, const KP_ROW_REAL *x);
    double (*sum)(int64_t n, const KP_ROW_REAL *x);
    double (*dot)(int64_t n, const KP_ROW_REAL *x, const KP_ROW_REAL *y);
    void (*mix)(int64_t n, double a, const KP_ROW_REAL *x, double b, const KP_ROW_REAL *y,
                KP_ROW_REAL *out);
    double (*exps)(int64_t n, double a, const KP_ROW_REAL *x, double x0, KP_ROW_REAL *out);
    void (*one_hot)(int64_t n, int64_t label, double on, double off, KP_ROW_REAL *out);
    double (*soften)(int64_t n, const KP_ROW_REAL *x, double tau, KP_ROW_REAL *out);
    void (*add_cross_entropy)(struct KP_ROW_TYPED(kp_row) * row, double weight, int64_t label);
    void (*add_soft_cross_entropy)(struct KP_ROW_TYPED(kp_row) * row, double weight,
                                   const KP_ROW_REAL *q);
    void (*add_kl)(struct KP_ROW_TYPED(kp_row) * row, double weight, double tau,
                   const KP_ROW_REAL *target, double target_tau);
};

/* One row. Valid during the call only; no array overlaps another. */
struct KP_ROW_TYPED(kp_row) {
    const struct KP_ROW_TYPED(kp_row_fn) * fn;
    int64_t classes;                   /* K */
    int32_t label;                     /* below K; -1 for none */
    const KP_ROW_REAL *logits;         /* [K], the student's */
    const KP_ROW_REAL *teacher_logits; /* [K]; NULL unless the objective needs them */
    double loss;                       /* 0 at first: add to it */
    KP_ROW_REAL *grad;                 /* [K] its gradient to the logits; 0 at first: add to it */
    KP_ROW_REAL *work[KP_ROW_WORK];    /* [K] each: the function's to use, of any value at first */
    KP_ROW_REAL *scratch;              /* [2 K] of the helpers */
};
