/* both.h - functions that are compiled for the processor and, under nvcc, for the GPU too. */
#ifndef KP_BASE_BOTH_H
#define KP_BASE_BOTH_H

#ifdef __CUDACC__
#define KP_BOTH static inline __host__ __device__
#else
#define KP_BOTH static inline
#endif

#endif
