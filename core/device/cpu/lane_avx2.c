/* lane_avx2.c - the LANE kernels for AVX2 and FMA. */
#define KP_VEC     8
#define LANE_TABLE kp_lane_avx2
#define LANE_NAME  "avx2"
#include "device/cpu/lane_table.inl"
