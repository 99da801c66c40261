/* lane_element.inl - elementwise kernels; n is a multiple of 16. */

static void lane_relu(int64_t n, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i += KP_VEC)
        v_store(y + i, v_relu(v_load(x + i)));
}

static void lane_relu_grad(int64_t n, const float *y, const float *dy, float *dx)
{
    for (int64_t i = 0; i < n; i += KP_VEC)
        v_store(dx + i, kp_relu_dx(v_load(y + i), v_load(dy + i)));
}

static void lane_add(int64_t n, const float *a, const float *b, float *y)
{
    for (int64_t i = 0; i < n; i += KP_VEC)
        v_store(y + i, v_add(v_load(a + i), v_load(b + i)));
}

static void lane_sub(int64_t n, const float *a, const float *b, float *y)
{
    for (int64_t i = 0; i < n; i += KP_VEC)
        v_store(y + i, v_sub(v_load(a + i), v_load(b + i)));
}

static void lane_mul(int64_t n, const float *a, const float *b, float *y)
{
    for (int64_t i = 0; i < n; i += KP_VEC)
        v_store(y + i, v_mul(v_load(a + i), v_load(b + i)));
}

static void lane_round(int64_t n, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = kp_bf16_round(x[i]);
}

static void lane_scale(int64_t n, float factor, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i += KP_VEC)
        v_store(y + i, v_mul(v_load(x + i), v_set(factor)));
}
