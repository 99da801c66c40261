/* gaussians.c - a task whose best possible accuracy is known, with as many examples as one likes.
 *
 * Class k of K is a normal distribution with mean `distance` e_k and covariance 1 in `dimensions`
 * numbers, K <= dimensions; all classes are equally likely. The best rule takes the largest of the
 * first K numbers, so with phi and Phi the standard normal density and distribution
 *   Bayes error = 1 - integral phi(z - distance) Phi(z)^(K - 1) dz
 * which for K = 2 is Phi(-distance / sqrt(2)). `mixed` hides the axes: examples are reflected at
 * planes that `seed` draws, which changes no distance and no error. */
#include <kappa/plugin.h>

#include <math.h>
#include <stdlib.h>

/* Numbers an example can have: those of a dataset are far below. */
#define NUMBERS (INT64_C(1) << 40)
#define PI      3.14159265358979323846

enum { REFLECTIONS = 3 };

struct gaussians {
    int64_t dimensions, classes, test, seed;
    double distance;
    bool mixed;
    double *normals; /* [REFLECTIONS][dimensions] of the planes, unit vectors; NULL: not mixed */
};

static const struct kp_option gaussians_options[] = {
    KP_INT(struct gaussians, dimensions, "dimensions", "16", 2, 65536, "numbers of an example"),
    KP_INT(struct gaussians, classes, "classes", "10", 2, 65536, "at most as many as dimensions"),
    KP_REAL(struct gaussians, distance, "distance", "3", 0, 1e3,
            "of each class's mean from 0, in standard deviations"),
    KP_BOOL(struct gaussians, mixed, "mixed", "true", "hide the axes"),
    KP_INT(struct gaussians, test, "test", "10000", 1, 1000000, "test examples"),
    KP_INT(struct gaussians, seed, "seed", "1", 0, 9007199254740992, "another one, other examples"),
};

/* A random number for each counter (the finaliser of SplitMix64, Steele et al. 2014). */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Of which family: training, test, planes. */
enum stream { TRAIN, TEST, PLANES };

struct place {
    uint64_t key; /* of seed, stream and example */
};

static struct place place_of(const struct gaussians *g, enum stream stream, int64_t example)
{
    const uint64_t key = mix(mix((uint64_t)g->seed) ^ (uint64_t)stream);

    return (struct place){mix(key ^ (uint64_t)example)};
}

static uint64_t draw(struct place p, int64_t index)
{
    return mix(p.key ^ mix((uint64_t)index));
}

/* In (0, 1]. */
static double uniform(struct place p, int64_t index)
{
    return ((double)(draw(p, index) >> 11) + 1) * 0x1p-53;
}

/* Standard normal (Box and Muller 1958). */
static double normal(struct place p, int64_t index)
{
    return sqrt(-2 * log(uniform(p, 2 * index + 1))) * cos(2 * PI * uniform(p, 2 * index + 2));
}

static enum kp_status make_planes(struct gaussians *g, struct kp_data *d)
{
    g->normals = calloc((size_t)(REFLECTIONS * g->dimensions), sizeof(*g->normals));
    if (!g->normals)
        return kp_data_fail(d, KP_E_NOMEM, "no memory for %lld dimensions",
                            (long long)g->dimensions);
    for (int r = 0; r < REFLECTIONS; r++) {
        double *v = g->normals + r * g->dimensions, square = 0;
        for (int64_t i = 0; i < g->dimensions; i++) {
            v[i] = normal(place_of(g, PLANES, r), i);
            square += v[i] * v[i];
        }
        for (int64_t i = 0; i < g->dimensions; i++)
            v[i] /= sqrt(square);
    }
    return KP_OK;
}

static enum kp_status open(void *self, struct kp_data *d, struct kp_dataset_info *info)
{
    struct gaussians *g = self;

    if (g->classes > g->dimensions)
        return kp_data_fail(d, KP_E_INVALID, "%lld classes in %lld dimensions; at most as many",
                            (long long)g->classes, (long long)g->dimensions);
    info->dtype = KP_F32;
    info->shape = kp_shape1(g->dimensions);
    info->classes = g->classes;
    info->count[KP_DATASET_TRAIN] = NUMBERS;
    info->count[KP_DATASET_TEST] = g->test;
    info->endless = true;
    return g->mixed ? make_planes(g, d) : KP_OK;
}

/* x -= 2 (x v) v for each plane */
static void reflect(const struct gaussians *g, float *x)
{
    for (int r = 0; r < REFLECTIONS; r++) {
        const double *v = g->normals + r * g->dimensions;
        double product = 0;

        for (int64_t i = 0; i < g->dimensions; i++)
            product += (double)x[i] * v[i];
        for (int64_t i = 0; i < g->dimensions; i++)
            x[i] = (float)((double)x[i] - 2 * product * v[i]);
    }
}

static enum kp_status read(const void *self, struct kp_data *d, enum kp_dataset_split split,
                           const int64_t *number, int64_t count, void *example, int32_t *label)
{
    const struct gaussians *g = self;

    (void)d;
    for (int64_t k = 0; k < count; k++) {
        const struct place p = place_of(g, split == KP_DATASET_TRAIN ? TRAIN : TEST, number[k]);
        const int32_t class = (int32_t)(draw(p, 0) % (uint64_t)g->classes);
        float *x = example ? (float *)example + k * g->dimensions : NULL;

        if (label)
            label[k] = class;
        for (int64_t i = 0; x && i < g->dimensions; i++)
            x[i] = (float)(normal(p, i) + (i == class ? g->distance : 0));
        if (x && g->normals)
            reflect(g, x);
    }
    return KP_OK;
}

static void close(void *self)
{
    free(((struct gaussians *)self)->normals);
}

static const struct kp_dataset_def gaussians = {
    .size = sizeof(struct kp_dataset_def),
    .name = "gaussians",
    .doc = "Normal distributions with a known Bayes error, without end.",
    .version = "1",
    .self_size = sizeof(struct gaussians),
    .options = KP_OPTIONS(gaussians_options),
    .open = open,
    .read = read,
    .close = close,
};

const struct kp_plugin KP_PLUGIN = {
    .abi = KP_ABI,
    .name = "gaussians",
    .version = "1",
    .datasets = (const struct kp_dataset_def *const[]){&gaussians, NULL},
};
