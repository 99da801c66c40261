/* dnn_machine.h - what the files of the double of cuDNN's backend API share.
 *
 * Wrong use of a descriptor ends the program with a message that begins with "cuDNN: ". What cuDNN
 * may refuse (a graph, an engine) is a status. */
#ifndef KP_CUDA_EMU_DNN_MACHINE_H
#define KP_CUDA_EMU_DNN_MACHINE_H

#include "machine.h"

#include <cudnn_graph.h>

#include <map>
#include <set>
#include <vector>

struct emu_descriptor {
    cudnnBackendDescriptorType_t type;
    bool finalized = false;
    std::map<int, std::vector<char>> values; // by attribute
};

/* One that lives, of this type. */
emu_descriptor *emu_descriptor_of(cudnnBackendDescriptor_t d, cudnnBackendDescriptorType_t type,
                                  const char *who);

/* The numbers of an attribute that is set. */
template <class T> const T *emu_values(const emu_descriptor *d, int attribute)
{
    return (const T *)(const void *)d->values.at(attribute).data();
}

template <class T> size_t emu_count(const emu_descriptor *d, int attribute)
{
    const auto found = d->values.find(attribute);

    return found == d->values.end() ? 0 : found->second.size() / sizeof(T);
}

/* The descriptor that an attribute names. */
const emu_descriptor *emu_part(const emu_descriptor *d, int attribute, size_t which = 0);

/* A tensor of rank 4 as declared. */
struct emu_tensor {
    int64_t uid, dims[4], strides[4], alignment;
    bool half;    // bf16, else fp32
    bool between; // virtual
    size_t bytes() const;
};
emu_tensor emu_tensor_of(const emu_descriptor *d);

/* The three operations, as convolutions of x by w to y. */
struct emu_convolution {
    cudnnBackendDescriptorType_t type;
    emu_tensor x, w, y;
    int64_t stride[2], pad[2];
};
emu_convolution emu_convolution_of(const emu_descriptor *op);

/* A convolution, and behind a forward one its bias (1,O,1,1), and behind that its ReLU. */
struct emu_graph {
    emu_convolution convolution; // its y is the last operation's
    bool bias, relu;
    emu_tensor b;
};
emu_graph emu_graph_of(const emu_descriptor *graph);

/* --- dnn_engines.cpp --- */
bool emu_dnn_fails(); // this call; see KAPPA_EMU_CUDNN_FAIL
cudnnStatus_t emu_plan_finalize(emu_descriptor *plan);

/* What an attribute that is only read holds; NOT_SUPPORTED if it is none. */
cudnnStatus_t emu_engines_get(emu_descriptor *d, int attribute, int64_t room, int64_t *count,
                              void *out);

/* --- dnn_descriptors.cpp --- */
const std::set<emu_descriptor *> &emu_descriptors(); // that live
int64_t emu_dnn_handles_live();
bool emu_dnn_handle_lives(cudnnHandle_t h);

#endif
