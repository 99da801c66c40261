/* record_classes.c - from labels to rows of classes and back, recorded. */
#include "tensor/record.h"

#include <math.h>

#define CLASSES_LIMIT (INT64_C(1) << 24)

struct kp_tensor *kp_record_one_hot(struct kp_tape *t, struct kp_tensor *labels, int64_t classes,
                                    double on, double off)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v = kp_record_value(r, labels);

    if (!v)
        return NULL;
    struct kp_shape shape = v->shape;
    if (!v->batched || v->dtype != KP_I32 || shape.n == KP_MAX_DIMS || classes < 1 ||
        classes > CLASSES_LIMIT || !isfinite(on) || !isfinite(off)) {
        (void)kp_tape_fail(t, KP_E_SHAPE,
                           "one_hot: wants labels (N, ...) int32, 1 to %lld classes and finite "
                           "numbers; got %lld classes, %g and %g",
                           (long long)CLASSES_LIMIT, (long long)classes, on, off);
        return NULL;
    }
    shape.dim[shape.n++] = classes;
    struct kp_node *n = kp_record_node(r, KP_OP_ONE_HOT, shape, true, 1, &v);
    if (n) {
        n->attrs.on = on;
        n->attrs.off = off;
    }
    return kp_record_result(r, n);
}

struct kp_tensor *kp_record_argmax(struct kp_tape *t, struct kp_tensor *x)
{
    struct kp_recording *r = kp_recording_of(t);
    struct kp_value *v = kp_record_value(r, x);

    if (!v)
        return NULL;
    struct kp_shape shape = v->shape;
    if (!v->batched || v->dtype != KP_F32 || shape.n < 2) {
        (void)kp_tape_fail(t, KP_E_SHAPE, "argmax wants (N, ..., K)");
        return NULL;
    }
    shape.dim[--shape.n] = 0;
    struct kp_node *n = kp_record_node(r, KP_OP_ARGMAX, shape, true, 1, &v);
    if (n)
        n->out[0]->dtype = KP_I32;
    return kp_record_result(r, n);
}
