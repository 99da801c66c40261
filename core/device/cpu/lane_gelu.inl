/* lane_gelu.inl - the Gaussian error linear unit; n is a multiple of 16. */

static void lane_gelu(int64_t n, bool approximate, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i += KP_VEC)
        v_store(y + i, kp_gelu_y(v_load(x + i), approximate));
}

static void lane_gelu_grad(int64_t n, bool approximate, const float *x, const float *dy, float *dx)
{
    for (int64_t i = 0; i < n; i += KP_VEC)
        v_store(dx + i, kp_gelu_dx(v_load(x + i), v_load(dy + i), approximate));
}
