/* my_dataset.c - points in the plane around centres on a circle, one centre for each class.
 *
 * A dataset gives examples by number. This one makes them from their number, so that there is
 * nothing to store; one that reads files would open them in open() and keep what it needs in its
 * state. kappa/dataset.h has the rules. */
#include <kappa/plugin.h>

#include <math.h>

/* The state: the options of [data.my_dataset]. */
struct my_dataset_state {
    int64_t classes, train, test;
    double noise;
};

static const struct kp_option my_dataset_options[] = {
    KP_INT(struct my_dataset_state, classes, "classes", "4", 2, 1000, "centres on the circle"),
    KP_INT(struct my_dataset_state, train, "train", "4000", 1, 1000000000, "training examples"),
    KP_INT(struct my_dataset_state, test, "test", "1000", 1, 1000000000, "test examples"),
    KP_REAL(struct my_dataset_state, noise, "noise", "0.5", 0, 100,
            "standard deviation around a centre; the circle has radius 1"),
};

/* What an example is. Options are within their ranges here. Files would be checked now, and what is
 * wrong be told with kp_data_fail(). */
static enum kp_status my_dataset_open(void *self, struct kp_data *d, struct kp_dataset_info *info)
{
    const struct my_dataset_state *s = self;

    (void)d;
    info->dtype = KP_F32;
    info->shape = kp_shape1(2);
    info->classes = s->classes;
    info->count[KP_DATASET_TRAIN] = s->train;
    info->count[KP_DATASET_TEST] = s->test;
    return KP_OK;
}

/* A number in (0, 1) that depends on nothing but `key` (splitmix64, Steele et al. 2014). */
static double my_dataset_uniform(uint64_t key)
{
    uint64_t z = (key + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z = z ^ (z >> 31);
    return ((double)(z >> 11) + 0.5) * 0x1p-53;
}

/* Called from several threads: reads self, writes where it is told. */
static enum kp_status my_dataset_read(const void *self, struct kp_data *d,
                                      enum kp_dataset_split split, const int64_t *number,
                                      int64_t count, void *example, int32_t *label)
{
    const struct my_dataset_state *s = self;
    const double turn = 2 * acos(-1.0);
    float *x = example;

    (void)d;
    for (int64_t i = 0; i < count; i++) {
        uint64_t key = 2 * (uint64_t)number[i] + ((uint64_t)split << 60);
        int64_t class = number[i] % s->classes;
        double angle = turn * (double)class / (double)s->classes;

        /* two normal numbers of two uniform ones (Box and Muller 1958) */
        double radius = s->noise * sqrt(-2 * log(my_dataset_uniform(key)));
        double direction = turn * my_dataset_uniform(key + 1);

        if (x) {
            x[2 * i] = (float)(cos(angle) + radius * cos(direction));
            x[2 * i + 1] = (float)(sin(angle) + radius * sin(direction));
        }
        if (label)
            label[i] = (int32_t) class;
    }
    return KP_OK;
}

static const struct kp_dataset_def my_dataset_def = {
    .size = sizeof(struct kp_dataset_def),
    .name = "my_dataset",
    .doc = "Points in the plane around centres on a circle, one for each class.",
    .version = "1", /* part of a run's hash: change it when an example changes */
    .self_size = sizeof(struct my_dataset_state),
    .options = KP_OPTIONS(my_dataset_options),
    .open = my_dataset_open,
    .read = my_dataset_read,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "my_dataset",
    .version = "1",
    .datasets = (const struct kp_dataset_def *const[]){&my_dataset_def, NULL},
};
