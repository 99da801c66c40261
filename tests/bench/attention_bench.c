/* attention_bench.c - times attention, forward and backward, of 4 sequences with 8 heads: 512
 * tokens, 64 numbers a head; see turns.h.
 *
 *   attention_bench [--causal] [--threads N] */
#include "harness.h"
#include "turns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEQUENCES = 4, HEADS = 8, TOKENS = 512, SIZE = 64 };

static enum kp_status step(void *arg, struct kp_error *e)
{
    return op_instance_run(arg, e);
}

static enum kp_status measure(bool causal, int threads, struct kp_error *e)
{
    const struct op_case c = {
        .op = KP_OP_ATTENTION,
        .capacity = SEQUENCES,
        .rows = SEQUENCES,
        .channels = HEADS * SIZE,
        .height = TOKENS,
        .heads = HEADS,
        .factor = 0.125,
        .causal = causal,
    };
    const struct kp_device_config config = {.threads = threads, .slice = 32};
    struct kp_device *device = NULL;
    struct op_instance x = {0};
    enum kp_status st = kp_device_open("cpu", &config, &device, e);

    if (st == KP_OK)
        st = op_instance_init(&x, device, &c, PART_FORWARD | PART_GRAD_X, e);
    if (st == KP_OK)
        st = op_instance_fill(&x, 0, e);
    if (st == KP_OK)
        st = turns_serve(step, &x, e);
    op_instance_finish(&x);
    kp_device_close(device);
    return st;
}

int main(int argc, char **argv)
{
    bool causal = false;
    long threads = 2;
    struct kp_error e = {0};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--causal") == 0)
            causal = true;
        else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
            threads = strtol(argv[++i], NULL, 10);
        else
            threads = 0;
    }
    if (threads < 1 || threads > 1024) {
        (void)fputs("usage: attention_bench [--causal] [--threads N]\n", stderr);
        return 2;
    }
    if (measure(causal, (int)threads, &e) != KP_OK) {
        (void)fprintf(stderr, "attention_bench: %s\n", e.text);
        return 1;
    }
    return 0;
}
