/* dnn_make.h - descriptors and device memory for the misuses of cuDNN, without a look at statuses.
 */
#ifndef KP_CUDA_EMU_DNN_MAKE_H
#define KP_CUDA_EMU_DNN_MAKE_H

#include <cuda_runtime_api.h>
#include <cudnn_graph.h>

#include <vector>

static inline cudnnBackendDescriptor_t create(cudnnBackendDescriptorType_t type)
{
    cudnnBackendDescriptor_t d;

    (void)cudnnBackendCreateDescriptor(type, &d);
    return d;
}

template <class T>
static inline void set(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                       cudnnBackendAttributeType_t type, const std::vector<T> &values)
{
    (void)cudnnBackendSetAttribute(d, name, type, (int64_t)values.size(), values.data());
}

static inline void set_part(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                            cudnnBackendDescriptor_t part)
{
    set<cudnnBackendDescriptor_t>(d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, {part});
}

// The first suggestion of the heuristics; those of FALLBACK have the engine that computes.
static inline cudnnBackendDescriptor_t
suggestion(cudnnBackendDescriptor_t device, cudnnBackendHeurMode_t mode, cudnnBackendDescriptor_t g)
{
    cudnnBackendDescriptor_t list = create(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    cudnnBackendDescriptor_t config = create(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    int64_t count;

    set_part(list, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, g);
    set<cudnnBackendHeurMode_t>(list, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, {mode});
    set_part(list, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, device);
    (void)cudnnBackendFinalize(list);
    (void)cudnnBackendGetAttribute(list, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                   CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &config);
    return config;
}

static inline float *new_floats(size_t count)
{
    void *p;

    (void)cudaMalloc(&p, count * sizeof(float));
    return (float *)p;
}

// T is the type of the numbers: float, or uint16_t for bf16.
template <class T>
static inline void fill(float *device, size_t count, T value, cudaStream_t stream)
{
    void *host;

    (void)cudaMallocHost(&host, count * sizeof(T));
    for (size_t i = 0; i < count; i++)
        ((T *)host)[i] = value;
    (void)cudaMemcpyAsync(device, host, count * sizeof(T), cudaMemcpyHostToDevice, stream);
    (void)cudaStreamSynchronize(stream);
}

#endif
