// emulated.cpp - the kernels of row functions, run on threads: losses against formulas in double,
// gradients against their differences.
#include "emulated.h"

#include "kappa/plugin.h"

#include <cmath>
#include <cstdio>

namespace kd_file
{
#include "objectives/kd.c"
}
namespace ls_file
{
#include "objectives/ls.c"
}
namespace l2_file
{
#include "objectives/l2.c"
}

using row_of = std::vector<double>;
using loss_fn = std::function<double(const row_of &z, const row_of &t, int label)>;

static double log_softmax(const row_of &z, double tau, size_t k)
{
    double top = z[0], sum = 0;

    for (double x : z)
        top = std::fmax(top, x);
    for (double x : z)
        sum += std::exp((x - top) / tau);
    return (z[k] - top) / tau - std::log(sum);
}

static double divergence(const row_of &z, const row_of &t, double tau)
{
    double sum = 0;

    for (size_t k = 0; k < z.size(); k++) {
        const double p = log_softmax(t, tau, k);
        sum += std::exp(p) * (p - log_softmax(z, tau, k));
    }
    return sum;
}

static int wrong;

static void near(const char *what, double got, double want, double scale)
{
    if (!(std::fabs(got - want) <= 3e-6 * (std::fabs(want) + scale))) {
        std::printf("%s: %.9g, must be %.9g\n", what, got, want);
        wrong++;
    }
}

static void check(const char *what, void (*kernel)(struct kp_row_batch, const void *),
                  const void *options, int64_t classes, unsigned threads, const loss_fn &loss)
{
    const int64_t rows = 5, blocks = 2;
    std::vector<float> z(rows * classes), t(rows * classes), grads(rows * classes);
    std::vector<float> weights = {1, 0.5f, 0, 2, 1}, work(blocks * (KP_ROW_WORK + 2) * classes);
    std::vector<int32_t> labels(rows);
    std::vector<double> losses(rows);
    const double share = 0.25;

    for (int64_t i = 0; i < rows * classes; i++) {
        z[i] = (float)(3 * std::sin(1.7 * (double)i));
        t[i] = z[i] + (float)(2 * std::cos(2.3 * (double)i));
    }
    for (int64_t i = 0; i < rows; i++)
        labels[i] = (int32_t)(7 * i % classes);
    struct kp_row_batch b = {rows,          classes, z.data(),     t.data(),      weights.data(),
                             labels.data(), &share,  grads.data(), losses.data(), work.data()};
    launch((unsigned)blocks, threads, [&] { kernel(b, options); });
    for (int64_t i = 0; i < rows; i++) {
        row_of own(z.begin() + i * classes, z.begin() + (i + 1) * classes);
        const row_of teacher(t.begin() + i * classes, t.begin() + (i + 1) * classes);
        const double w = (double)weights[i];

        near(what, losses[i], w * loss(own, teacher, labels[i]), 0);
        for (int64_t k = 0; k < classes; k += classes < 100 ? 1 : 37) {
            const double step = 1e-5, at = own[k];
            own[k] = at + step;
            const double above = loss(own, teacher, labels[i]);
            own[k] = at - step;
            const double below = loss(own, teacher, labels[i]);
            own[k] = at;
            near(what, (double)grads[i * classes + k], 0.25 * w * (above - below) / (2 * step), 1);
        }
    }
}

int main()
{
    const struct kd_file::kd kd = {
        4, 0.5, 0.75, kd_file::TAU_SCALE_TAU2, kd_file::REDUCTION_BATCHMEAN, false};
    const struct ls_file::ls ls = {ls_file::PLAIN, 0, 1, 0, 0, 0, 0.1};
    const struct l2_file::l2 l2 = {l2_file::REDUCTION_SUM, true};

    for (int64_t classes : {2, 10, 300})
        for (unsigned threads : {1u, 8u}) {
            check("kd", kd_file::kd_row_cuda, &kd, classes, threads,
                  [](const row_of &z, const row_of &t, int label) {
                      return 0.75 * 16 * divergence(z, t, 4) - 0.5 * log_softmax(z, 1, label);
                  });
            check("ls", ls_file::ls_row_cuda, &ls, classes, threads,
                  [](const row_of &z, const row_of &, int label) {
                      double sum = 0;
                      for (size_t k = 0; k < z.size(); k++)
                          sum -= ((int)k == label ? 0.9 : 0.1 / ((double)z.size() - 1)) *
                                 log_softmax(z, 1, k);
                      return sum;
                  });
            check("l2", l2_file::l2_row_cuda, &l2, classes, threads,
                  [](const row_of &z, const row_of &t, int) {
                      double sum = 0, square = 0;
                      for (size_t k = 0; k < z.size(); k++) {
                          sum += z[k] - t[k];
                          square += (z[k] - t[k]) * (z[k] - t[k]);
                      }
                      return square - sum * sum / (double)z.size();
                  });
        }
    if (wrong > 0)
        std::printf("%d numbers are wrong\n", wrong);
    return wrong > 0;
}
