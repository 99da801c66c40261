/* matrix.c - matrix helpers in fp64: OpenBLAS on one thread for each block, LAPACK.
 *
 * A product is cut into blocks of fixed size, each computed by one thread, so that its bits do not
 * depend on how many threads there are. */
#include "analyse/state.h"

#include <cblas.h>
#include <stdlib.h>

/* Rows and columns of a block of the result, and columns of f32 input that are widened at once. */
enum { BLOCK = 128, DEPTH = 2048 };

extern void dsyevd_(const char *job, const char *half, const blasint *n, double *a,
                    const blasint *lda, double *w, double *work, const blasint *work_size,
                    blasint *iwork, const blasint *iwork_size, blasint *info);

struct product {
    bool turn_x, turn_y;
    int64_t m, n, k;
    const double *x, *y;
    int64_t ldx, ldy;
    double beta;
    double *c;
    int64_t across; /* blocks in a row of blocks */
    bool symmetric; /* blocks below the diagonal are mirrored */
};

static int64_t blocks(int64_t n)
{
    return (n + BLOCK - 1) / BLOCK;
}

static void multiply(void *arg, int64_t task, int worker)
{
    const struct product *p = arg;
    int64_t i = task / p->across * BLOCK, j = task % p->across * BLOCK;
    int64_t m = p->m - i < BLOCK ? p->m - i : BLOCK;
    int64_t n = p->n - j < BLOCK ? p->n - j : BLOCK;

    (void)worker;
    if (p->symmetric && j < i)
        return;
    cblas_dgemm(CblasRowMajor, p->turn_x ? CblasTrans : CblasNoTrans,
                p->turn_y ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)p->k, 1.0,
                p->x + (p->turn_x ? i : i * p->ldx), (blasint)p->ldx,
                p->y + (p->turn_y ? j * p->ldy : j), (blasint)p->ldy, p->beta, p->c + i * p->n + j,
                (blasint)p->n);
}

/* Fill the half below the diagonal from the one above. */
static void mirror(int64_t n, double *c)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++)
            c[i * n + j] = c[j * n + i];
}

static void run(struct kp_analysing *x, struct product *p)
{
    p->across = blocks(p->n);
    openblas_set_num_threads(1);
    kp_pool_run(x->pool, blocks(p->m) * p->across, multiply, p);
}

void kp_analysis_gemm(struct kp_analysis *a, bool turn_x, bool turn_y, int64_t m, int64_t n,
                      int64_t k, const double *x, const double *y, double beta, double *c)
{
    struct product p = {.turn_x = turn_x,
                        .turn_y = turn_y,
                        .m = m,
                        .n = n,
                        .k = k,
                        .x = x,
                        .y = y,
                        .ldx = turn_x ? m : k,
                        .ldy = turn_y ? k : n,
                        .beta = beta,
                        .c = c};

    if (kp_analysing_failed(kp_analysing_of(a)) || m < 1 || n < 1 || k < 1)
        return;
    run(kp_analysing_of(a), &p);
    (void)kp_analysing_tell(kp_analysing_of(a));
}

void kp_analysis_gram(struct kp_analysis *a, int64_t n, int64_t k, const double *x, double beta,
                      double *c)
{
    struct product p = {.turn_x = true,
                        .m = n,
                        .n = n,
                        .k = k,
                        .x = x,
                        .y = x,
                        .ldx = n,
                        .ldy = n,
                        .beta = beta,
                        .c = c,
                        .symmetric = true};

    if (kp_analysing_failed(kp_analysing_of(a)) || n < 1 || k < 1)
        return;
    run(kp_analysing_of(a), &p);
    mirror(n, c);
    (void)kp_analysing_tell(kp_analysing_of(a));
}

struct widening {
    const float *x;
    int64_t k, first, count;
    double *out; /* [n][count] */
};

static void widen(void *arg, int64_t row, int worker)
{
    const struct widening *w = arg;
    const float *from = w->x + row * w->k + w->first;
    double *to = w->out + row * w->count;

    (void)worker;
    for (int64_t i = 0; i < w->count; i++)
        to[i] = (double)from[i];
}

void kp_analysis_gram_f32(struct kp_analysis *a, int64_t n, int64_t k, const float *x, double beta,
                          double *c)
{
    struct kp_analysing *s = kp_analysing_of(a);
    double *wide;

    if (kp_analysing_failed(s) || n < 1 || k < 1)
        return;
    wide = malloc((size_t)n * DEPTH * sizeof(*wide));
    if (!wide) {
        (void)kp_fail(s->error, KP_E_NOMEM, "no memory for a product");
        return;
    }
    for (int64_t at = 0; at < k && !kp_analysing_failed(s); at += DEPTH) {
        int64_t count = k - at < DEPTH ? k - at : DEPTH;
        struct widening w = {x, k, at, count, wide};
        struct product p = {.turn_y = true,
                            .m = n,
                            .n = n,
                            .k = count,
                            .x = wide,
                            .y = wide,
                            .ldx = count,
                            .ldy = count,
                            .beta = at > 0 ? 1 : beta,
                            .c = c,
                            .symmetric = true};

        kp_pool_run(s->pool, n, widen, &w);
        run(s, &p);
        (void)kp_analysing_tell(s);
    }
    mirror(n, c);
    free(wide);
}

enum kp_status kp_analysis_eigenvalues(struct kp_analysis *a, int64_t n, double *c, double *values)
{
    struct kp_analysing *x = kp_analysing_of(a);
    blasint size = (blasint)n, work_size = (blasint)(2 * n + 1), iwork_size = 1, info = 0;
    double *work;
    blasint iwork[1];

    if (kp_analysing_failed(x))
        return x->error->status;
    if (n < 1 || n > 1 << 15)
        return kp_fail(x->error, KP_E_INVALID, "eigenvalues of a matrix of order %lld; 1 to %d",
                       (long long)n, 1 << 15);
    work = malloc((size_t)work_size * sizeof(*work));
    if (!work)
        return kp_fail(x->error, KP_E_NOMEM, "no memory for the eigenvalues");
    openblas_set_num_threads(1);
    dsyevd_("N", "U", &size, c, &size, values, work, &work_size, iwork, &iwork_size, &info);
    free(work);
    if (info != 0)
        return kp_fail(x->error, KP_E_NUMERIC,
                       "the eigenvalues of a matrix of order %lld did not converge", (long long)n);
    return KP_OK;
}
