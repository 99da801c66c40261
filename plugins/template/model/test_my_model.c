/* test_my_model.c - does the model declare what it should? Needs no kappa. */
#include "my_model.c"

#include <stdarg.h>
#include <stdio.h>

/* A host that only counts. */
struct counter {
    struct kp_build head;
    enum kp_status status;
    int64_t numbers; /* in all parameters */
};

static enum kp_status status(const struct kp_build *b)
{
    return ((const struct counter *)b)->status;
}

KP_PRINTF(3, 4)
static enum kp_status fail(struct kp_build *b, enum kp_status st, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    ((struct counter *)b)->status = st;
    return st;
}

static struct kp_tensor *param(struct kp_build *b, const char *name, struct kp_shape shape,
                               struct kp_init init)
{
    (void)name, (void)init;
    ((struct counter *)b)->numbers += kp_shape_count(shape);
    return NULL;
}

static const struct kp_build_fn counting = {
    .size = sizeof(struct kp_build_fn), .status = status, .fail = fail, .param = param};

int main(void)
{
    struct my_model_state self = {.width = 5};
    struct kp_model_io io = {
        .size = sizeof(io), .dtype = KP_F32, .input = {3, {3, 2, 2}}, .classes = 10};
    struct counter good = {.head.fn = &counting}, bad = good;
    int failures = 0;

    if (my_model_build(&self, &good.head, &io) != KP_OK ||
        good.numbers != (12 * 5 + 5) + (5 * 10 + 10)) {
        printf("FAILED: %lld numbers in the parameters\n", (long long)good.numbers);
        failures++;
    }
    io.dtype = KP_I32;
    if (my_model_build(&self, &bad.head, &io) != KP_E_SHAPE) {
        printf("FAILED: tokens are not refused\n");
        failures++;
    }
    printf("%s\n", failures ? "failed" : "passed");
    return failures > 0;
}
