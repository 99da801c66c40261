// dnn_tensors.cpp - double of cuDNN's backend API: tensors as declared.
#include "dnn_machine.h"

#include <algorithm>

static bool is_true(const emu_descriptor *d, int name)
{
    return emu_count<bool>(d, name) > 0 && *emu_values<bool>(d, name);
}

emu_tensor emu_tensor_of(const emu_descriptor *d)
{
    emu_tensor t;

    t.uid = *emu_values<int64_t>(d, CUDNN_ATTR_TENSOR_UNIQUE_ID);
    t.alignment = *emu_values<int64_t>(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
    t.between = is_true(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL);
    t.host = is_true(d, CUDNN_ATTR_TENSOR_IS_BY_VALUE);
    t.type = *emu_values<cudnnDataType_t>(d, CUDNN_ATTR_TENSOR_DATA_TYPE);
    t.half = t.type == CUDNN_DATA_BFLOAT16;
    std::copy_n(emu_values<int64_t>(d, CUDNN_ATTR_TENSOR_DIMENSIONS), 4, t.dims);
    std::copy_n(emu_values<int64_t>(d, CUDNN_ATTR_TENSOR_STRIDES), 4, t.strides);
    return t;
}

static size_t each(cudnnDataType_t type)
{
    return type == CUDNN_DATA_BFLOAT16 ? 2 : type == CUDNN_DATA_BOOLEAN ? 1 : 4;
}

size_t emu_tensor::extent() const
{
    int64_t last = 0;

    for (int i = 0; i < 4; i++)
        last += (dims[i] - 1) * strides[i];
    return (size_t)last + 1;
}

size_t emu_tensor::bytes() const
{
    return extent() * each(type);
}

bool emu_tensor::operator==(const emu_tensor &other) const
{
    return uid == other.uid && type == other.type && between == other.between &&
           host == other.host && std::equal(dims, dims + 4, other.dims) &&
           std::equal(strides, strides + 4, other.strides);
}

void emu_tensor_check(const emu_tensor &t)
{
    for (int i = 0; i < 4; i++)
        if (t.dims[i] < 1 || t.strides[i] < 1)
            emu_die("cuDNN: tensor %lld: dimension %d is %lld, its stride %lld", (long long)t.uid,
                    i, (long long)t.dims[i], (long long)t.strides[i]);
    if (t.alignment < (int64_t)each(t.type) || (t.alignment & (t.alignment - 1)) != 0)
        emu_die("cuDNN: tensor %lld: an alignment of %lld bytes", (long long)t.uid,
                (long long)t.alignment);
    if (t.host && (t.between || t.extent() != 1))
        emu_die("cuDNN: tensor %lld on the host is not one number", (long long)t.uid);
    if (t.type != CUDNN_DATA_FLOAT && t.type != CUDNN_DATA_BFLOAT16 && !t.between)
        emu_die("cuDNN: tensor %lld in memory is of type %d", (long long)t.uid, (int)t.type);
}
