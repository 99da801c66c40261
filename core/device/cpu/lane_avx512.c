/* lane_avx512.c - the LANE kernels for AVX-512 F, BW, DQ, VL. */
#define KP_VEC     16
#define LANE_TABLE kp_lane_avx512
#define LANE_NAME  "avx512"
#include "device/cpu/lane_table.inl"
