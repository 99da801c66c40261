/* cases.c - the cases themselves.
 *
 * Batches around 16 and 32 (lanes and slices) with fewer rows than capacity; channels and widths
 * that are no multiple of any vector; windows that tile, overlap, leave a remainder or reach over
 * the border on all sides. Cases with a benchmark batch are layers of VanillaCNN on 32x32 images.
 */
#include "case.h"

/* clang-format off */
#define SQUARE(k, s, p) {{(k), (k)}, {(s), (s)}, {(p), (p)}}

/* The numbers are capacity, rows, channels, height, width, outputs, as far as the operation has
 * them: the members that follow `chain`. */
#define PLAIN(name, ...) {.op = KP_OP_##name, .chain = CHAIN_NONE, __VA_ARGS__}
#define CHAIN(mode, ...) \
    {.op = KP_OP_CONV2D, .chain = CHAIN_##mode, __VA_ARGS__, .momentum = 0.1}
#define BOTH_NORMS(...) \
    PLAIN(BATCH_NORM, __VA_ARGS__, .momentum = 0.1), \
    PLAIN(BATCH_NORM_EVAL, __VA_ARGS__, .momentum = 0.1)
#define BOTH_POOLS(...) PLAIN(MAX_POOL, __VA_ARGS__), PLAIN(AVG_POOL, __VA_ARGS__)
#define ELEMENTS(...) \
    PLAIN(RELU, __VA_ARGS__), PLAIN(RESHAPE, __VA_ARGS__), PLAIN(ADD, __VA_ARGS__), \
    PLAIN(SUB, __VA_ARGS__), PLAIN(MUL, __VA_ARGS__), PLAIN(MEAN, __VA_ARGS__), \
    PLAIN(SCALE, __VA_ARGS__, .factor = -1.75)
/* channels are the classes, height the rows of one example */
#define ALL_ROWS(...) \
    PLAIN(SOFTMAX, __VA_ARGS__), PLAIN(LOG_SOFTMAX, __VA_ARGS__), \
    PLAIN(CROSS_ENTROPY, __VA_ARGS__), PLAIN(KL, __VA_ARGS__, .factor = 1)
/* the first number is that of the parameters */
#define SGD(...) {.op = KP_OP_SGD, .capacity = 1, .rows = 1, __VA_ARGS__}

const struct op_case op_cases[] = {
    PLAIN(LINEAR, 1, 1, 1, .outputs = 1, .bias = true),
    PLAIN(LINEAR, 5, 5, 3, .outputs = 2, .bias = true),
    PLAIN(LINEAR, 16, 16, 20, .outputs = 10),
    PLAIN(LINEAR, 17, 17, 7, .outputs = 100, .bias = true),
    PLAIN(LINEAR, 33, 20, 40, .outputs = 10, .bias = true),
    PLAIN(LINEAR, 33, 1, 160, .outputs = 10),
    PLAIN(LINEAR, 64, 50, 784, .outputs = 33, .bias = true),
    PLAIN(LINEAR, 16, 13, 160, .outputs = 1000, .bias = true),
    PLAIN(LINEAR, 16, 16, 160, .outputs = 10, .bias = true, .bench = 256),
    PLAIN(LINEAR, 16, 5, 784, .outputs = 256, .bias = true, .bench = 256),
    PLAIN(LINEAR, 16, 11, 20, .outputs = 10, .bias = true,
          .zero_weights = true),

    PLAIN(CONV2D, 1, 1, 1, 1, 1, 1, .window = SQUARE(1, 1, 0), .bias = true),
    PLAIN(CONV2D, 5, 5, 3, 3, 3, 4, .window = SQUARE(3, 1, 1), .bias = true),
    PLAIN(CONV2D, 16, 16, 4, 4, 4, 5, .window = SQUARE(3, 1, 1)),
    PLAIN(CONV2D, 16, 13, 5, 5, 7, 6, .window = SQUARE(3, 1, 1), .bias = true),
    PLAIN(CONV2D, 17, 17, 6, 8, 8, 7, .window = SQUARE(3, 1, 1), .bias = true),
    PLAIN(CONV2D, 33, 33, 7, 5, 7, 8, .window = SQUARE(5, 1, 2), .bias = true),
    PLAIN(CONV2D, 33, 20, 8, 8, 8, 20, .window = SQUARE(5, 1, 2)),
    PLAIN(CONV2D, 33, 1, 3, 8, 8, 4, .window = SQUARE(3, 1, 1), .bias = true),
    PLAIN(CONV2D, 16, 9, 20, 8, 8, 40, .window = SQUARE(3, 1, 1), .bias = true),
    PLAIN(CONV2D, 16, 3, 40, 4, 4, 20, .window = SQUARE(1, 1, 0), .bias = true),
    PLAIN(CONV2D, 17, 9, 7, 5, 7, 3, .window = SQUARE(1, 1, 0)),
    PLAIN(CONV2D, 16, 16, 3, 1, 1, 5, .window = SQUARE(3, 1, 1), .bias = true),
    PLAIN(CONV2D, 16, 7, 4, 4, 4, 6, .window = SQUARE(3, 1, 2), .bias = true),
    PLAIN(CONV2D, 16, 16, 3, 3, 3, 8, .window = SQUARE(5, 1, 4)),
    PLAIN(CONV2D, 16, 7, 3, 8, 8, 4, .window = SQUARE(3, 1, 0), .bias = true),
    PLAIN(CONV2D, 17, 5, 4, 5, 7, 20, .window = SQUARE(5, 1, 0)),
    PLAIN(CONV2D, 16, 3, 6, 28, 28, 16, .window = SQUARE(5, 1, 0), .bias = true),
    PLAIN(CONV2D, 16, 5, 1, 28, 28, 6, .window = SQUARE(5, 1, 2), .bias = true),
    PLAIN(CONV2D, 33, 18, 1, 28, 28, 20, .window = SQUARE(3, 1, 1), .bias = true),
    PLAIN(CONV2D, 16, 6, 5, 14, 14, 7, .window = SQUARE(3, 1, 1)),
    PLAIN(CONV2D, 48, 35, 6, 7, 7, 10, .window = SQUARE(3, 1, 1), .bias = true),
    PLAIN(CONV2D, 64, 50, 8, 4, 4, 8, .window = SQUARE(3, 1, 1), .bias = true),
    PLAIN(CONV2D, 100, 100, 3, 4, 5, 5, .window = SQUARE(3, 1, 1), .bias = true),
    PLAIN(CONV2D, 16, 16, 3, 32, 32, 20, .window = SQUARE(3, 1, 1), .bias = true, .bench = 256),
    PLAIN(CONV2D, 16, 3, 20, 32, 32, 40, .window = SQUARE(3, 1, 1), .bias = true, .bench = 256),
    PLAIN(CONV2D, 16, 3, 40, 16, 16, 80, .window = SQUARE(3, 1, 1), .bias = true, .bench = 256),
    PLAIN(CONV2D, 16, 3, 80, 8, 8, 160, .window = SQUARE(3, 1, 1), .bias = true, .bench = 256),
    PLAIN(CONV2D, 16, 5, 3, 32, 32, 8, .window = SQUARE(7, 2, 3), .bias = true),
    PLAIN(CONV2D, 16, 16, 4, 8, 8, 6, .window = SQUARE(7, 1, 3)),
    PLAIN(CONV2D, 17, 12, 8, 8, 8, 20, .window = SQUARE(3, 2, 1), .bias = true, .bench = 256),
    PLAIN(CONV2D, 16, 5, 20, 8, 8, 40, .window = SQUARE(1, 2, 0)),
    PLAIN(CONV2D, 16, 7, 3, 28, 28, 5, .window = SQUARE(3, 3, 1), .bias = true),
    PLAIN(CONV2D, 5, 5, 4, 5, 7, 4, .window = SQUARE(2, 2, 0), .bias = true),
    PLAIN(CONV2D, 16, 5, 3, 8, 8, 4, .window = SQUARE(4, 1, 1), .bias = true),
    PLAIN(CONV2D, 33, 19, 3, 5, 7, 4, .window = {{3, 5}, {1, 1}, {1, 2}}, .bias = true),
    PLAIN(CONV2D, 16, 16, 4, 8, 8, 5, .window = {{1, 7}, {1, 1}, {0, 3}}),
    PLAIN(CONV2D, 16, 11, 5, 8, 8, 3, .window = {{5, 1}, {2, 1}, {2, 0}}, .bias = true),
    PLAIN(CONV2D, 16, 11, 5, 9, 8, 20, .window = {{3, 3}, {1, 2}, {0, 1}}, .bias = true),
    PLAIN(CONV2D, 16, 16, 3, 5, 7, 4, .window = SQUARE(3, 1, 1), .bias = true,
          .zero_weights = true),
    PLAIN(CONV2D, 16, 13, 3, 8, 8, 20, .window = SQUARE(3, 1, 1), .bias = true, .act = true),
    PLAIN(CONV2D, 16, 16, 4, 8, 8, 7, .window = SQUARE(3, 1, 1), .bias = true, .act = true,
          .pool = true, .pool_window = SQUARE(2, 2, 0)),
    PLAIN(CONV2D, 33, 21, 6, 8, 12, 8, .window = SQUARE(3, 1, 1), .bias = true, .act = true,
          .pool = true, .pool_window = SQUARE(4, 4, 0)),
    PLAIN(CONV2D, 16, 9, 3, 8, 8, 5, .window = SQUARE(5, 1, 2), .act = true, .pool = true,
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
    CHAIN(TRAIN, 33, 20, 3, 8, 8, 7, .window = SQUARE(3, 1, 1), .bias = true, .act = true,
          .pool = true, .pool_window = SQUARE(2, 2, 0), .head = true),
    CHAIN(TRAIN, 17, 17, 3, 5, 7, 6, .window = SQUARE(3, 2, 1), .act = true, .head = true),
    CHAIN(EVAL, 33, 20, 3, 8, 8, 7, .window = SQUARE(3, 1, 1), .bias = true, .act = true,
          .pool = true, .pool_window = SQUARE(4, 4, 0), .head = true),
    CHAIN(EVAL, 17, 17, 3, 5, 7, 6, .window = SQUARE(3, 2, 1), .act = true, .head = true),
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

    PLAIN(FOLD_BATCH_NORM, 16, 16, 3, 8, 8, 20, .window = SQUARE(3, 1, 1), .bias = true),
    PLAIN(FOLD_BATCH_NORM, 1, 1, 1, 1, 1, 1, .window = SQUARE(1, 1, 0)),
    PLAIN(FOLD_BATCH_NORM, 5, 5, 7, 8, 8, 5, .window = {{3, 5}, {1, 1}, {1, 2}}),

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
    PLAIN(RELU, 16, 9, 4, 8, 8, .fill = FILL_COARSE),
    PLAIN(RELU, 16, 3, 40, 32, 32, .bench = 256),
    PLAIN(ADD, 16, 3, 40, 32, 32, .bench = 256),

    ALL_ROWS(1, 1, 2),
    ALL_ROWS(5, 5, 3),
    ALL_ROWS(16, 16, 10),
    ALL_ROWS(17, 9, 100),
    ALL_ROWS(33, 20, 1000),
    ALL_ROWS(16, 11, 17, 3),
    ALL_ROWS(33, 33, 10, .sd = 20),
    ALL_ROWS(17, 13, 10, .fill = FILL_EXTREME),
    ALL_ROWS(16, 16, 100, .mean = 1e4, .sd = 3),
    ALL_ROWS(5, 5, 10, .fill = FILL_CONSTANT, .mean = 2),
    ALL_ROWS(16, 16, 10, .sd = 4, .bench = 256),
    PLAIN(KL, 16, 13, 10, .factor = 1e-3),
    PLAIN(KL, 16, 13, 10, .factor = 0.1, .sd = 3),
    PLAIN(KL, 17, 17, 100, .factor = 5, .sd = 5),
    PLAIN(KL, 33, 20, 10, .factor = 20, .sd = 5),
    PLAIN(KL, 33, 33, 100, .factor = 100, .sd = 5),
    PLAIN(KL, 16, 16, 10, .factor = 1e4, .sd = 3),
    PLAIN(KL, 17, 9, 1000, .factor = 1e4, .sd = 3),
    PLAIN(KL, 16, 16, 10, .factor = 20, .fill = FILL_EXTREME),
    PLAIN(KL, 16, 16, 10, .factor = 1e4, .fill = FILL_EXTREME),
    PLAIN(KL, 16, 5, 10, .factor = 1e-3, .fill = FILL_EXTREME),

    PLAIN(WEIGHTED_MEAN, 1, 1, 1),
    PLAIN(WEIGHTED_MEAN, 16, 16, 1),
    PLAIN(WEIGHTED_MEAN, 33, 20, 1),
    PLAIN(WEIGHTED_MEAN, 33, 20, 7),
    PLAIN(WEIGHTED_MEAN, 100, 100, 1, .mean = 1e4),
    PLAIN(WEIGHTED_MEAN, 17, 9, 1, .zero_weights = true),

    SGD(1, .weight_decay = 0),
    SGD(7, .weight_decay = 5e-4),
    SGD(1001, .momentum = 0.9, .weight_decay = 5e-4),
    SGD(1001, .momentum = 0.9, .nesterov = true, .weight_decay = 5e-4),
    SGD(154250, .momentum = 0.9, .bench = 1),
};
/* clang-format on */

const int64_t op_case_count = sizeof(op_cases) / sizeof(*op_cases);
