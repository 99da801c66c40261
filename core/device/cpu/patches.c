/* patches.c - images cut into square patches, and back.
 *
 *   x (N, C, H, W)  <->  y (N, T, p p C), a patch's numbers in the order row, column, channel */
#include "device/cpu/cpu.h"

#include <string.h>

static void patches_slice(const struct kp_step *s, const struct kp_pass *p, const struct kp_span *t)
{
    const struct kp_node *n = s->node;
    const bool back = n->op == KP_OP_PATCHES_GRAD;
    const struct kp_value *image = back ? n->out[0] : n->in[0], *cut = back ? n->in[0] : n->out[0];
    const int64_t channels = image->shape.dim[1], height = image->shape.dim[2];
    const int64_t width = image->shape.dim[3], size = n->attrs.window.size[0];
    const int64_t across = width / size, image_size = kp_value_rest(image);
    const int64_t cut_size = kp_value_rest(cut);

    for (int64_t e = t->first; e < t->end; e++) {
        float *x = kp_floats(p, image) + e * image_size, *y = kp_floats(p, cut) + e * cut_size;
        if (back)
            memset(x, 0, (size_t)image_size * sizeof(float));
        for (int64_t i = 0; i < height / size * size; i++)
            for (int64_t j = 0; j < across * size; j++) {
                float *patch = y + (i / size * across + j / size) * size * size * channels +
                               (i % size * size + j % size) * channels;
                for (int64_t c = 0; c < channels; c++) {
                    float *pixel = x + (c * height + i) * width + j;
                    *(back ? pixel : patch + c) = *(back ? patch + c : pixel);
                }
            }
    }
}

void kp_lower_patches(struct kp_lowering *l, const struct kp_node *n)
{
    (void)n;
    kp_lower_step(l, KP_SLICES, patches_slice, NULL, 0);
}
