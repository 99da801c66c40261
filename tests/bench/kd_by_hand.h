/* kd_by_hand.h - the distillation loss tau^2 KL(softmax(t / tau) || softmax(z / tau)) of a batch
 * and its gradient, as somebody writes them who wants nothing else: intrinsics for one processor,
 * fp32. What row functions are measured against. */
#ifndef KP_TESTS_BENCH_KD_BY_HAND_H
#define KP_TESTS_BENCH_KD_BY_HAND_H

#include <stdint.h>

/* z, t, dz [rows][classes], w [rows], work [classes] -> sum(w l) / sum(w), and its gradient dz. */
typedef double kd_by_hand_fn(int64_t rows, int64_t classes, float tau, const float *z,
                             const float *t, const float *w, float *dz, float *work);

kd_by_hand_fn kd_by_hand_avx2, kd_by_hand_avx512;

#endif
