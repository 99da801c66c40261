/* lane_portable.c - the LANE kernels for any processor. */
#define KP_VEC     4
#define LANE_TABLE kp_lane_portable
#define LANE_NAME  "portable"
#include "device/cpu/lane_table.inl"
