/* image_set.h - a small image folder, and what opening it gives. */
#ifndef KP_TESTS_IMAGE_SET_H
#define KP_TESTS_IMAGE_SET_H

#include "data/data.h"

#include "image_rig.h"

enum { CLASSES = 3, TRAIN = 5, VAL = 2 };

/* Files of class k: sizes differ, some are grey, some PNG. */
static inline void set_make(void)
{
    static const char *const split[] = {"train", "val"};

    for (int s = 0; s < 2; s++)
        for (int k = 0; k < CLASSES; k++)
            for (int i = 0; i < (s ? VAL : TRAIN); i++) {
                char path[64];
                int height = 20 + 3 * i, width = 20 + 5 * k;
                (void)snprintf(path, sizeof path, "set/%s/c%d/%d.%s", split[s], k, i,
                               i == 3 ? "png" : "JPEG");
                struct rig_bytes b;
                if (i == 3) {
                    uint8_t *p = rig_picture(k, 3, height, width);
                    b = rig_png(p, (size_t)width * 3, PNG_COLOR_TYPE_RGB, 8, height, width, false);
                    free(p);
                } else {
                    b = rig_jpeg(k, i == 2 ? 1 : 3, height, width);
                }
                rig_save(path, b);
                free(b.v);
            }
    assert_int_equal(scratch_put("set/train/c1/.hidden.jpg", "x"), 0);
    assert_int_equal(scratch_put("set/train/c1/boxes.txt", "x"), 0);
}

static inline struct kp_dataset *set_opened(struct kp_dataset_config c)
{
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};

    if (kp_dataset_open(&c, &d, &e))
        fail_msg("%s", e.text);
    return d;
}

static inline void set_refused(struct kp_dataset_config c, enum kp_status want, const char *words)
{
    struct kp_dataset *d = NULL;
    struct kp_error e = {0};

    assert_int_equal(kp_dataset_open(&c, &d, &e), want);
    assert_null(d);
    if (!strstr(e.text, words))
        fail_msg("'%s' does not say '%s'", e.text, words);
}

#endif
