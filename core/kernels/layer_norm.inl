/* layer_norm.inl - elements of a layer norm, whose row has mean m and s = 1 / sqrt(variance + eps)
 * (Ba, Kiros, Hinton 2016). */

/* h = (x - m) s;  y = h gamma + beta */
KP_INLINE kp_vec kp_layer_norm_h(kp_vec x, float m, float s)
{
    return v_mul(v_sub(x, v_set(m)), v_set(s));
}

KP_INLINE kp_vec kp_layer_norm_y(kp_vec h, kp_vec gamma, kp_vec beta)
{
    return v_fma(h, gamma, beta);
}

/* dx = s (u - mean(u) - h mean(u h)), u = dy gamma */
KP_INLINE kp_vec kp_layer_norm_dx(kp_vec h, kp_vec u, float s, float u_mean, float uh_mean)
{
    return v_mul(v_set(s), v_sub(v_sub(u, v_set(u_mean)), v_mul(h, v_set(uh_mean))));
}
