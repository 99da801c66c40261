/* lane_pass.inl - passes over rows of any length.
 *
 * A pass is a function of `count` numbers from element i on that is inlined twice: for whole
 * vectors and for what is left. */

/* Calls pass(arguments, i, count) along the row. */
#define ROW_PASS(n, pass, ...)                           \
    do {                                                 \
        int64_t row_at = 0;                              \
        for (; row_at + KP_VEC <= (n); row_at += KP_VEC) \
            pass(__VA_ARGS__, row_at, KP_VEC);           \
        if (row_at < (n))                                \
            pass(__VA_ARGS__, row_at, (n)-row_at);       \
    } while (0)

KP_INLINE kp_vec row_load(const float *x, int64_t count, float rest)
{
    return count == KP_VEC ? v_load(x) : v_load_first(x, count, v_set(rest));
}

/* Zeros in the lanes behind the row. */
KP_INLINE kp_vec row_first(kp_vec x, int64_t count)
{
    return count == KP_VEC ? x : v_first(x, count);
}

KP_INLINE void row_store(float *x, int64_t count, kp_vec v)
{
    if (count == KP_VEC)
        v_store(x, v);
    else
        v_store_first(x, count, v);
}
