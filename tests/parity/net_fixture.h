/* net_fixture.h - a net in training or evaluation beside what PyTorch computed for it.
 *
 * A fixture (tests/parity/fixtures/NAME.safetensors) holds the net's first weights, a batch (x,
 * labels, teacher_logits, weights) and results in fp64 rounded to fp32. The reference device
 * computes in fp64 too, so that each of its numbers must be the same but for that rounding; on the
 * cpu device, fp32, an array is compared by its largest error relative to a scale. All functions
 * fail the test. */
#ifndef KP_TESTS_NET_FIXTURE_H
#define KP_TESTS_NET_FIXTURE_H

#include "support/rig.h"
#include "train/safetensors.h"

enum {
    NET_FIXTURE_CAPACITY = 32, /* of its programs: above the rows, since the rest must not count */
    NET_FIXTURE_ROWS = 17,     /* at most */
};

struct net_fixture {
    const char *name;
    bool exact; /* device ref */
    struct rig rig;
    struct kp_device *device;
    struct kp_net *net;
    struct kp_safetensors file;
    int64_t rows;
    float *host; /* room for any array of the net */

    /* between start and stop */
    struct kp_state *state;
    struct kp_program *program;
    struct kp_exec *exec;
};

/* Fail with the error's text. */
void net_fixture_must(enum kp_status st, const struct kp_error *e);

/* The net of a model. options: see rig.h. Where KAPPA_CUDA_BACKEND is set, the device "cpu" stands
 * for "cuda", so that one program tests both. */
void net_fixture_open(struct net_fixture *f, const char *device, const char *name,
                      const char *model, const char *options, const struct kp_model_io *io);
void net_fixture_close(struct net_fixture *f);

/* What models of images are given, and models of `context` tokens. */
struct kp_model_io net_fixture_images(struct kp_shape input, int64_t classes);
struct kp_model_io net_fixture_tokens(int64_t context, int64_t vocabulary);

/* An array by its name, made as printf does. */
const struct kp_stored *net_fixture_array(const struct net_fixture *f, const char *fmt, ...)
    KP_PRINTF(2, 3);

/* A program of the net: `spec` without net, capacity and objective; objective NULL: it does not
 * train. Parameters are zero. */
void net_fixture_build(struct net_fixture *f, struct kp_program_spec spec, const char *objective,
                       const char *options);

/* The same with the fixture's weights and batch; each row counts once where there are no weights.
 */
void net_fixture_start(struct net_fixture *f, struct kp_program_spec spec, const char *objective,
                       const char *options);
void net_fixture_step(struct net_fixture *f, double lr);
void net_fixture_stop(struct net_fixture *f);

/* The largest number of an array, without its sign. */
double net_fixture_largest(const struct kp_stored *a);

/* got, as many as `want`; fp32 may err by bound * scale. */
void net_fixture_compare(const struct net_fixture *f, const struct kp_stored *want,
                         const float *got, double bound, double scale);

/* Parameters or buffers on the device against the arrays "<prefix>/<name>", each relative to its
 * own largest number, but at least to `share` of the largest of all. */
void net_fixture_compare_list(struct net_fixture *f, const struct kp_net_list *list,
                              const void *device, const char *prefix, double bound, double share);

#endif
