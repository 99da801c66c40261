/* cases.c - the cases themselves.
 *
 * Batches around 16 and 32 (lanes and slices) with fewer rows than capacity; channels and widths
 * that are no multiple of any vector; windows that tile, overlap, leave a remainder or reach over
 * the border on all sides. Cases with a benchmark batch are layers of VanillaCNN on 32x32 images.
 */
#include "case.h"

#define SQUARE(k, s, p)         \
    {                           \
        {(k), (k)}, {(s), (s)}, \
        {                       \
            (p), (p)            \
        }                       \
    }

#define CONV(n, r, c, h, w, o, ...)                                                       \
    {                                                                                     \
        .op = KP_OP_CONV2D, .capacity = (n), .rows = (r), .channels = (c), .height = (h), \
        .width = (w), .outputs = (o), __VA_ARGS__                                         \
    }
#define CHAIN(mode, n, r, c, h, w, o, ...)                                                        \
    {                                                                                             \
        .op = KP_OP_CONV2D, .chain = CHAIN_##mode, .capacity = (n), .rows = (r), .channels = (c), \
        .height = (h), .width = (w), .outputs = (o), .momentum = 0.1, __VA_ARGS__                 \
    }
#define LINEAR(n, r, i, o, ...)                                                            \
    {                                                                                      \
        .op = KP_OP_LINEAR, .capacity = (n), .rows = (r), .channels = (i), .outputs = (o), \
        __VA_ARGS__                                                                        \
    }
#define IMAGE(name, n, r, c, h, w, ...)                                                   \
    {                                                                                     \
        .op = KP_OP_##name, .capacity = (n), .rows = (r), .channels = (c), .height = (h), \
        .width = (w), __VA_ARGS__                                                         \
    }
#define BOTH_NORMS(...)                              \
    IMAGE(BATCH_NORM, __VA_ARGS__, .momentum = 0.1), \
        IMAGE(BATCH_NORM_EVAL, __VA_ARGS__, .momentum = 0.1)
#define BOTH_POOLS(...) IMAGE(MAX_POOL, __VA_ARGS__), IMAGE(AVG_POOL, __VA_ARGS__)
#define ROWS(name, n, r, t, k, ...)                                                       \
    {                                                                                     \
        .op = KP_OP_##name, .capacity = (n), .rows = (r), .height = (t), .channels = (k), \
        __VA_ARGS__                                                                       \
    }
#define ALL_ROWS(...)                                                                             \
    ROWS(SOFTMAX, __VA_ARGS__), ROWS(LOG_SOFTMAX, __VA_ARGS__), ROWS(CROSS_ENTROPY, __VA_ARGS__), \
        ROWS(KL, __VA_ARGS__, .factor = 1)
#define ELEMENTS(n, r, c, h, w)                                                           \
    IMAGE(RELU, n, r, c, h, w), IMAGE(RESHAPE, n, r, c, h, w), IMAGE(ADD, n, r, c, h, w), \
        IMAGE(SUB, n, r, c, h, w), IMAGE(MUL, n, r, c, h, w),                             \
        IMAGE(SCALE, n, r, c, h, w, .factor = -1.75), IMAGE(MEAN, n, r, c, h, w)
#define SGD(n, ...)                                                             \
    {                                                                           \
        .op = KP_OP_SGD, .capacity = 1, .rows = 1, .channels = (n), __VA_ARGS__ \
    }

/* clang-format off */
const struct op_case op_cases[] = {
    LINEAR(1, 1, 1, 1, .bias = true),
    LINEAR(5, 5, 3, 2, .bias = true),
    LINEAR(16, 16, 20, 10),
    LINEAR(17, 17, 7, 100, .bias = true),
    LINEAR(33, 20, 40, 10, .bias = true),
    LINEAR(33, 1, 160, 10),
    LINEAR(64, 50, 784, 33, .bias = true),
    LINEAR(16, 13, 160, 1000, .bias = true),
    LINEAR(16, 16, 160, 10, .bias = true, .bench = 256),
    LINEAR(16, 5, 784, 256, .bias = true, .bench = 256),
    LINEAR(16, 11, 20, 10, .bias = true, .zero_weights = true),

    CONV(1, 1, 1, 1, 1, 1, .window = SQUARE(1, 1, 0), .bias = true),
    CONV(5, 5, 3, 3, 3, 4, .window = SQUARE(3, 1, 1), .bias = true),
    CONV(16, 16, 4, 4, 4, 5, .window = SQUARE(3, 1, 1)),
    CONV(16, 13, 5, 5, 7, 6, .window = SQUARE(3, 1, 1), .bias = true),
    CONV(17, 17, 6, 8, 8, 7, .window = SQUARE(3, 1, 1), .bias = true),
    CONV(33, 33, 7, 5, 7, 8, .window = SQUARE(5, 1, 2), .bias = true),
    CONV(33, 20, 8, 8, 8, 20, .window = SQUARE(5, 1, 2)),
    CONV(33, 1, 3, 8, 8, 4, .window = SQUARE(3, 1, 1), .bias = true),
    CONV(16, 9, 20, 8, 8, 40, .window = SQUARE(3, 1, 1), .bias = true),
    CONV(16, 3, 40, 4, 4, 20, .window = SQUARE(1, 1, 0), .bias = true),
    CONV(17, 9, 7, 5, 7, 3, .window = SQUARE(1, 1, 0)),
    CONV(16, 16, 3, 1, 1, 5, .window = SQUARE(3, 1, 1), .bias = true),
    CONV(16, 7, 4, 4, 4, 6, .window = SQUARE(3, 1, 2), .bias = true),
    CONV(16, 16, 3, 3, 3, 8, .window = SQUARE(5, 1, 4)),
    CONV(16, 7, 3, 8, 8, 4, .window = SQUARE(3, 1, 0), .bias = true),
    CONV(17, 5, 4, 5, 7, 20, .window = SQUARE(5, 1, 0)),
    CONV(16, 3, 6, 28, 28, 16, .window = SQUARE(5, 1, 0), .bias = true),
    CONV(16, 5, 1, 28, 28, 6, .window = SQUARE(5, 1, 2), .bias = true),
    CONV(33, 18, 1, 28, 28, 20, .window = SQUARE(3, 1, 1), .bias = true),
    CONV(16, 6, 5, 14, 14, 7, .window = SQUARE(3, 1, 1)),
    CONV(48, 35, 6, 7, 7, 10, .window = SQUARE(3, 1, 1), .bias = true),
    CONV(64, 50, 8, 4, 4, 8, .window = SQUARE(3, 1, 1), .bias = true),
    CONV(100, 100, 3, 4, 5, 5, .window = SQUARE(3, 1, 1), .bias = true),
    CONV(16, 16, 3, 32, 32, 20, .window = SQUARE(3, 1, 1), .bias = true, .bench = 256),
    CONV(16, 3, 20, 32, 32, 40, .window = SQUARE(3, 1, 1), .bias = true, .bench = 256),
    CONV(16, 3, 40, 16, 16, 80, .window = SQUARE(3, 1, 1), .bias = true, .bench = 256),
    CONV(16, 3, 80, 8, 8, 160, .window = SQUARE(3, 1, 1), .bias = true, .bench = 256),
    CONV(16, 5, 3, 32, 32, 8, .window = SQUARE(7, 2, 3), .bias = true),
    CONV(16, 16, 4, 8, 8, 6, .window = SQUARE(7, 1, 3)),
    CONV(17, 12, 8, 8, 8, 20, .window = SQUARE(3, 2, 1), .bias = true, .bench = 256),
    CONV(16, 5, 20, 8, 8, 40, .window = SQUARE(1, 2, 0)),
    CONV(16, 7, 3, 28, 28, 5, .window = SQUARE(3, 3, 1), .bias = true),
    CONV(5, 5, 4, 5, 7, 4, .window = SQUARE(2, 2, 0), .bias = true),
    CONV(16, 5, 3, 8, 8, 4, .window = SQUARE(4, 1, 1), .bias = true),
    CONV(33, 19, 3, 5, 7, 4, .window = {{3, 5}, {1, 1}, {1, 2}}, .bias = true),
    CONV(16, 16, 4, 8, 8, 5, .window = {{1, 7}, {1, 1}, {0, 3}}),
    CONV(16, 11, 5, 8, 8, 3, .window = {{5, 1}, {2, 1}, {2, 0}}, .bias = true),
    CONV(16, 11, 5, 9, 8, 20, .window = {{3, 3}, {1, 2}, {0, 1}}, .bias = true),
    CONV(16, 16, 3, 5, 7, 4, .window = SQUARE(3, 1, 1), .bias = true, .zero_weights = true),
    CONV(16, 13, 3, 8, 8, 20, .window = SQUARE(3, 1, 1), .bias = true, .act = true),
    CONV(16, 16, 4, 8, 8, 7, .window = SQUARE(3, 1, 1), .bias = true, .act = true, .pool = true,
         .pool_window = SQUARE(2, 2, 0)),
    CONV(33, 21, 6, 8, 12, 8, .window = SQUARE(3, 1, 1), .bias = true, .act = true, .pool = true,
         .pool_window = SQUARE(4, 4, 0)),
    CONV(16, 9, 3, 8, 8, 5, .window = SQUARE(5, 1, 2), .act = true, .pool = true,
         .pool_window = SQUARE(2, 2, 0)),

    CHAIN(TRAIN, 16, 16, 3, 8, 8, 5, .window = SQUARE(3, 1, 1), .bias = true),
    CHAIN(TRAIN, 33, 20, 4, 8, 8, 7, .window = SQUARE(3, 1, 1), .bias = true, .act = true),
    CHAIN(TRAIN, 33, 20, 4, 8, 8, 20, .window = SQUARE(3, 1, 1), .bias = true, .act = true,
          .pool = true, .pool_window = SQUARE(2, 2, 0)),
    CHAIN(TRAIN, 33, 20, 4, 5, 7, 6, .window = SQUARE(3, 1, 1), .act = true, .pool = true,
          .pool_window = SQUARE(2, 2, 0)),
    CHAIN(TRAIN, 17, 9, 4, 9, 8, 6, .window = SQUARE(3, 1, 1), .act = true, .pool = true,
          .pool_window = SQUARE(3, 2, 1)),
    CHAIN(TRAIN, 17, 17, 8, 5, 7, 8, .window = SQUARE(3, 1, 1), .residual = true, .act = true),
    CHAIN(TRAIN, 17, 15, 8, 8, 8, 4, .window = SQUARE(3, 2, 1), .residual = true, .act = true),
    CHAIN(EVAL, 16, 16, 3, 8, 8, 5, .window = SQUARE(3, 1, 1), .bias = true),
    CHAIN(EVAL, 33, 20, 4, 8, 8, 7, .window = SQUARE(3, 1, 1), .act = true),
    CHAIN(EVAL, 33, 20, 4, 8, 8, 20, .window = SQUARE(3, 1, 1), .bias = true, .act = true,
          .pool = true, .pool_window = SQUARE(2, 2, 0)),
    CHAIN(EVAL, 16, 5, 1, 28, 28, 6, .window = SQUARE(5, 1, 2), .bias = true, .act = true,
          .pool = true, .pool_window = SQUARE(2, 2, 0)),
    CHAIN(EVAL, 33, 20, 4, 5, 7, 6, .window = SQUARE(3, 1, 1), .bias = true, .act = true,
          .pool = true, .pool_window = SQUARE(2, 2, 0)),
    CHAIN(EVAL, 17, 9, 4, 9, 8, 6, .window = SQUARE(3, 1, 1), .bias = true, .act = true,
          .pool = true, .pool_window = SQUARE(3, 2, 1)),
    CHAIN(EVAL, 16, 16, 4, 4, 4, 6, .window = SQUARE(3, 1, 1), .act = true, .pool = true,
          .pool_window = SQUARE(4, 4, 0)),
    CHAIN(EVAL, 17, 17, 8, 5, 7, 8, .window = SQUARE(3, 1, 1), .residual = true, .act = true),
    CHAIN(EVAL, 17, 12, 8, 8, 8, 4, .window = SQUARE(3, 2, 1), .bias = true, .act = true),
    CHAIN(EVAL, 16, 3, 20, 32, 32, 40, .window = SQUARE(3, 1, 1), .bias = true, .act = true,
          .pool = true, .pool_window = SQUARE(2, 2, 0), .bench = 256),

    BOTH_NORMS(1, 1, 1, 3, 3),
    BOTH_NORMS(5, 5, 3, 0, 0),
    BOTH_NORMS(33, 20, 40, 0, 0),
    BOTH_NORMS(16, 16, 4, 4, 4),
    BOTH_NORMS(17, 17, 6, 5, 7, .act = true),
    BOTH_NORMS(33, 20, 7, 8, 8, .act = true),
    BOTH_NORMS(33, 33, 8, 1, 1),
    BOTH_NORMS(16, 5, 20, 8, 8, .act = true, .pool = true, .window = SQUARE(2, 2, 0)),
    BOTH_NORMS(33, 20, 5, 5, 7, .act = true, .pool = true, .window = SQUARE(2, 2, 0)),
    BOTH_NORMS(16, 13, 6, 4, 4, .act = true, .pool = true, .window = SQUARE(4, 4, 0),
               .fill = FILL_COARSE),
    BOTH_NORMS(33, 18, 3, 6, 9, .act = true, .pool = true, .window = SQUARE(3, 3, 0),
               .fill = FILL_COARSE),
    BOTH_NORMS(17, 9, 4, 8, 8, .pool = true, .window = SQUARE(2, 2, 0)),
    BOTH_NORMS(17, 9, 8, 5, 7, .residual = true),
    BOTH_NORMS(17, 17, 4, 8, 8, .residual = true, .act = true),
    BOTH_NORMS(16, 7, 4, 8, 8, .residual = true, .act = true, .pool = true,
               .window = SQUARE(2, 2, 0)),
    BOTH_NORMS(33, 20, 3, 28, 28, .mean = 3, .sd = 0.5),
    BOTH_NORMS(64, 50, 4, 4, 4, .mean = 1e4, .sd = 1),
    BOTH_NORMS(33, 20, 3, 5, 7, .mean = 1e4, .sd = 0.01),
    BOTH_NORMS(17, 17, 5, 4, 4, .mean = 0.1, .fill = FILL_CONSTANT),
    BOTH_NORMS(16, 5, 20, 32, 32, .bench = 256),
    BOTH_NORMS(16, 3, 40, 32, 32, .act = true, .pool = true, .window = SQUARE(2, 2, 0),
               .bench = 256),

    {.op = KP_OP_FOLD_BATCH_NORM, .capacity = 16, .rows = 16, .channels = 3, .height = 8,
     .width = 8, .outputs = 20, .window = SQUARE(3, 1, 1), .bias = true},
    {.op = KP_OP_FOLD_BATCH_NORM, .capacity = 1, .rows = 1, .channels = 1, .height = 1,
     .width = 1, .outputs = 1, .window = SQUARE(1, 1, 0)},
    {.op = KP_OP_FOLD_BATCH_NORM, .capacity = 5, .rows = 5, .channels = 7, .height = 8,
     .width = 8, .outputs = 5, .window = {{3, 5}, {1, 1}, {1, 2}}},

    BOTH_POOLS(1, 1, 1, 1, 1, .window = SQUARE(1, 1, 0)),
    BOTH_POOLS(5, 5, 3, 4, 4, .window = SQUARE(2, 2, 0)),
    BOTH_POOLS(16, 16, 4, 5, 7, .window = SQUARE(2, 2, 0), .fill = FILL_COARSE),
    BOTH_POOLS(17, 9, 5, 8, 8, .window = SQUARE(3, 2, 1), .fill = FILL_COARSE),
    BOTH_POOLS(33, 20, 6, 8, 8, .window = SQUARE(3, 1, 1), .fill = FILL_COARSE),
    BOTH_POOLS(33, 33, 7, 3, 3, .window = SQUARE(3, 3, 0), .fill = FILL_CONSTANT, .mean = -1),
    BOTH_POOLS(16, 13, 20, 4, 4, .window = SQUARE(4, 4, 0)),
    BOTH_POOLS(16, 7, 3, 28, 28, .window = SQUARE(2, 2, 0)),
    BOTH_POOLS(16, 7, 3, 7, 9, .window = SQUARE(2, 3, 0), .fill = FILL_COARSE),
    BOTH_POOLS(17, 17, 4, 8, 5, .window = {{2, 3}, {1, 2}, {1, 0}}, .fill = FILL_COARSE),
    BOTH_POOLS(16, 3, 8, 32, 32, .window = SQUARE(5, 3, 2)),
    BOTH_POOLS(16, 3, 40, 32, 32, .window = SQUARE(2, 2, 0), .bench = 256),

    ELEMENTS(1, 1, 1, 1, 1),
    ELEMENTS(5, 5, 7, 0, 0),
    ELEMENTS(16, 16, 3, 4, 4),
    ELEMENTS(33, 20, 5, 5, 7),
    ELEMENTS(17, 17, 20, 8, 8),
    ELEMENTS(64, 37, 40, 0, 0),
    IMAGE(RELU, 16, 9, 4, 8, 8, .fill = FILL_COARSE),
    IMAGE(RELU, 16, 3, 40, 32, 32, .bench = 256),
    IMAGE(ADD, 16, 3, 40, 32, 32, .bench = 256),

    ALL_ROWS(1, 1, 0, 2),
    ALL_ROWS(5, 5, 0, 3),
    ALL_ROWS(16, 16, 0, 10),
    ALL_ROWS(17, 9, 0, 100),
    ALL_ROWS(33, 20, 0, 1000),
    ALL_ROWS(16, 11, 3, 17),
    ALL_ROWS(33, 33, 0, 10, .sd = 20),
    ALL_ROWS(17, 13, 0, 10, .fill = FILL_EXTREME),
    ALL_ROWS(16, 16, 0, 100, .mean = 1e4, .sd = 3),
    ALL_ROWS(5, 5, 0, 10, .fill = FILL_CONSTANT, .mean = 2),
    ALL_ROWS(16, 16, 0, 10, .sd = 4, .bench = 256),
    ROWS(KL, 16, 13, 0, 10, .factor = 1e-3),
    ROWS(KL, 16, 13, 0, 10, .factor = 0.1, .sd = 3),
    ROWS(KL, 17, 17, 0, 100, .factor = 5, .sd = 5),
    ROWS(KL, 33, 20, 0, 10, .factor = 20, .sd = 5),
    ROWS(KL, 33, 33, 0, 100, .factor = 100, .sd = 5),
    ROWS(KL, 16, 16, 0, 10, .factor = 1e4, .sd = 3),
    ROWS(KL, 17, 9, 0, 1000, .factor = 1e4, .sd = 3),
    ROWS(KL, 16, 16, 0, 10, .factor = 20, .fill = FILL_EXTREME),
    ROWS(KL, 16, 16, 0, 10, .factor = 1e4, .fill = FILL_EXTREME),
    ROWS(KL, 16, 5, 0, 10, .factor = 1e-3, .fill = FILL_EXTREME),

    ROWS(WEIGHTED_MEAN, 1, 1, 0, 1),
    ROWS(WEIGHTED_MEAN, 16, 16, 0, 1),
    ROWS(WEIGHTED_MEAN, 33, 20, 0, 1),
    ROWS(WEIGHTED_MEAN, 33, 20, 0, 7),
    ROWS(WEIGHTED_MEAN, 100, 100, 0, 1, .mean = 1e4),
    ROWS(WEIGHTED_MEAN, 17, 9, 0, 1, .zero_weights = true),

    SGD(1, .weight_decay = 0),
    SGD(7, .weight_decay = 5e-4),
    SGD(1001, .momentum = 0.9, .weight_decay = 5e-4),
    SGD(1001, .momentum = 0.9, .nesterov = true, .weight_decay = 5e-4),
    SGD(154250, .momentum = 0.9, .bench = 1),
};
/* clang-format on */

const int64_t op_case_count = sizeof(op_cases) / sizeof(*op_cases);
