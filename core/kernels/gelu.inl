/* gelu.inl - the Gaussian error linear unit (Hendrycks, Gimpel 2016), exact and by tanh.
 *
 *   y = x P(x)      dx = dy (P(x) + x P'(x)) */

/* P(-a) = erfc(z) / 2 for a >= 0, z = a / sqrt(2), as e / 2 = exp(-z^2) / 2 times t f(t) with
 * t = 1 / (1 + z / 2): f is a polynomial fitted to 5e-9 over all z. */
KP_INLINE kp_vec kp_gelu_tail(kp_vec a, kp_vec e)
{
    kp_vec t = v_div(v_set(1.0f), v_fma(a, v_set(0.353553391f), v_set(1.0f)));
    kp_vec f = v_set(0.0260116979f);

    f = v_fma(f, t, v_set(-0.198261679f));
    f = v_fma(f, t, v_set(0.606476068f));
    f = v_fma(f, t, v_set(-0.908526199f));
    f = v_fma(f, t, v_set(0.621249800f));
    f = v_fma(f, t, v_set(-0.206636560f));
    f = v_fma(f, t, v_set(0.263376147f));
    f = v_fma(f, t, v_set(0.230440351f));
    f = v_fma(f, t, v_set(0.283858222f));
    f = v_fma(f, t, v_set(0.282012146f));
    return v_mul(v_mul(v_set(0.5f), e), v_mul(f, t));
}

/* P(x) and P'(x) of the normal distribution */
KP_INLINE kp_vec kp_gelu_erf(kp_vec x, kp_vec *slope)
{
    kp_vec e = v_exp(v_mul(v_mul(x, x), v_set(-0.5f)));
    kp_vec tail = kp_gelu_tail(v_abs(x), e);

    *slope = v_mul(e, v_set(0.398942280f));
    return v_select(v_greater(x, v_zero()), v_sub(v_set(1.0f), tail), tail);
}

/* P(x) = 1 / (1 + exp(-u)) with u = 2 sqrt(2 / pi) (x + 0.044715 x^3);  P' = P (1 - P) u' and
 * 1 - P = exp(-u) P without cancellation. Far out P' is 0, which u' overflows before. */
KP_INLINE kp_vec kp_gelu_tanh(kp_vec x, kp_vec *slope)
{
    const kp_vec c = v_set(1.59576912f);
    kp_vec x2 = v_mul(x, x);
    kp_vec u = v_mul(v_mul(c, x), v_fma(x2, v_set(0.044715f), v_set(1.0f)));
    kp_vec e = v_exp(v_sub(v_zero(), u));
    kp_vec q = v_div(v_set(1.0f), v_add(v_set(1.0f), e));

    *slope = v_mul(v_mul(q, v_mul(e, q)), v_mul(c, v_fma(x2, v_set(0.134145f), v_set(1.0f))));
    *slope = v_keep(v_greater(v_set(1e12f), x2), *slope);
    return q;
}

KP_INLINE kp_vec kp_gelu_y(kp_vec x, bool approximate)
{
    kp_vec slope;

    return v_mul(x, approximate ? kp_gelu_tanh(x, &slope) : kp_gelu_erf(x, &slope));
}

KP_INLINE kp_vec kp_gelu_dx(kp_vec x, kp_vec dy, bool approximate)
{
    kp_vec slope, p = approximate ? kp_gelu_tanh(x, &slope) : kp_gelu_erf(x, &slope);

    return v_mul(dy, v_fma(x, slope, p));
}
