/* test_my_dataset.c - are examples a function of their number, and where they should be? Needs no
 * kappa. */
#include "my_dataset.c"

#include <stdio.h>
#include <string.h>

enum { COUNT = 4000 };

static int failures;

static void check(bool good, const char *what)
{
    if (good)
        return;
    printf("FAILED: %s\n", what);
    failures++;
}

int main(void)
{
    static float x[COUNT][2], again[2], test[2];
    static int32_t label[COUNT];
    static int64_t number[COUNT];
    struct my_dataset_state self = {.classes = 4, .train = COUNT, .test = 10, .noise = 0.5};
    struct kp_dataset_info info = {.size = sizeof(info)};
    double sum[4][2] = {{0}}, square = 0;

    for (int i = 0; i < COUNT; i++)
        number[i] = i;
    check(my_dataset_open(&self, NULL, &info) == KP_OK, "open");
    check(info.count[KP_DATASET_TRAIN] == COUNT && info.classes == 4, "what open says");

    check(my_dataset_read(&self, NULL, KP_DATASET_TRAIN, number, COUNT, x, label) == KP_OK, "read");
    check(my_dataset_read(&self, NULL, KP_DATASET_TRAIN, number + 7, 1, again, NULL) == KP_OK &&
              memcmp(again, x[7], sizeof(again)) == 0,
          "an example depends on its number alone");
    check(my_dataset_read(&self, NULL, KP_DATASET_TEST, number + 7, 1, test, NULL) == KP_OK &&
              memcmp(test, x[7], sizeof(test)) != 0,
          "test examples are others");

    for (int i = 0; i < COUNT; i++) {
        check(label[i] >= 0 && label[i] < 4, "labels");
        for (int k = 0; k < 2; k++)
            sum[label[i]][k] += (double)x[i][k];
    }
    /* the standard error of a mean of 1000 is 0.016 */
    check(fabs(sum[0][0] / 1000 - 1) < 0.08 && fabs(sum[0][1] / 1000) < 0.08 &&
              fabs(sum[1][1] / 1000 - 1) < 0.08 && fabs(sum[2][0] / 1000 + 1) < 0.08,
          "the centres");
    for (int i = 0; i < COUNT; i += 4)
        square += pow((double)x[i][0] - 1, 2) + pow((double)x[i][1], 2);
    check(fabs(sqrt(square / 2000) - 0.5) < 0.05, "the noise");
    printf("%s\n", failures ? "failed" : "passed");
    return failures > 0;
}
