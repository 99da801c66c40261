/* relu.inl - the gradient of a rectifier; the rectifier itself is v_relu(). */

/* y > 0 ? dy : 0 */
KP_INLINE kp_vec kp_relu_dx(kp_vec y, kp_vec dy)
{
    return v_keep(v_greater(y, v_zero()), dy);
}
