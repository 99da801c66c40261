/* norm.inl - elements of a batch norm with the coefficients of norm.h. */

/* u = (x - mean) scale + shift */
KP_INLINE kp_vec kp_norm_u(kp_vec x, float mean, float scale, float shift)
{
    return v_fma(v_sub(x, v_set(mean)), v_set(scale), v_set(shift));
}

/* dx = scale g + slope (x - mean) + offset, g = gradient of u */
KP_INLINE kp_vec kp_norm_dx(kp_vec x, kp_vec g, float mean, float scale, float slope, float offset)
{
    const kp_vec d = v_fma(v_sub(x, v_set(mean)), v_set(slope), v_set(offset));

    return v_fma(v_set(scale), g, d);
}
