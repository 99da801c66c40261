// dnn_operations.cpp - double of cuDNN's backend API: products, reductions, operations on elements
// and graphs of them, as attention is.
//
// A graph is computed operation by operation as it is declared: in double, each result rounded to
// the type of its tensor. The values of a tensor are kept by their offsets, as in memory, so that a
// reshape gives the same values other places.
#include "dnn_machine.h"
#include "kernels/bf16.h"

#include <algorithm>
#include <cmath>

// What an operation on elements reads beside x, and the type that it is computed in.
struct element {
    cudnnPointwiseMode_t mode;
    bool b, select;
    cudnnDataType_t type;
};

static const element elements[] = {
    {CUDNN_POINTWISE_ADD, true, false, CUDNN_DATA_FLOAT},
    {CUDNN_POINTWISE_SUB, true, false, CUDNN_DATA_FLOAT},
    {CUDNN_POINTWISE_MUL, true, false, CUDNN_DATA_FLOAT},
    {CUDNN_POINTWISE_DIV, true, false, CUDNN_DATA_FLOAT},
    {CUDNN_POINTWISE_EXP, false, false, CUDNN_DATA_FLOAT},
    {CUDNN_POINTWISE_LOG, false, false, CUDNN_DATA_FLOAT},
    {CUDNN_POINTWISE_RELU_FWD, false, false, CUDNN_DATA_FLOAT},
    {CUDNN_POINTWISE_GEN_INDEX, false, false, CUDNN_DATA_INT32},
    {CUDNN_POINTWISE_CMP_GE, true, false, CUDNN_DATA_BOOLEAN},
    {CUDNN_POINTWISE_BINARY_SELECT, true, true, CUDNN_DATA_FLOAT},
};

static const element &element_of(cudnnPointwiseMode_t mode)
{
    for (const element &e : elements)
        if (e.mode == mode)
            return e;
    emu_die("cuDNN: an operation on elements (%d) that nobody needs", (int)mode);
}

static bool has(const emu_descriptor *d, int name)
{
    return d->values.count(name) > 0;
}

static emu_tensor tensor_of(const emu_descriptor *op, int name)
{
    return emu_tensor_of(emu_part(op, name));
}

static emu_step pointwise_of(const emu_descriptor *op)
{
    const emu_descriptor *what = emu_part(op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
    emu_step s = {op->type, *emu_values<cudnnPointwiseMode_t>(what, CUDNN_ATTR_POINTWISE_MODE)};
    const element &e = element_of(s.mode);

    if (has(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC) != e.b ||
        has(op, CUDNN_ATTR_OPERATION_POINTWISE_TDESC) != e.select)
        emu_die("cuDNN: an operation on elements (%d) with the wrong number of operands",
                (int)s.mode);
    if (has(what, CUDNN_ATTR_POINTWISE_AXIS) != (s.mode == CUDNN_POINTWISE_GEN_INDEX))
        emu_die("cuDNN: an axis belongs to GEN_INDEX and to nothing else");
    if (*emu_values<cudnnDataType_t>(what, CUDNN_ATTR_POINTWISE_MATH_PREC) != e.type)
        emu_die("cuDNN: an operation on elements (%d) that is not computed in type %d", (int)s.mode,
                (int)e.type);
    s.x = tensor_of(op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC);
    s.y = tensor_of(op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
    if (e.b)
        s.b = tensor_of(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC);
    if (e.select)
        s.select = tensor_of(op, CUDNN_ATTR_OPERATION_POINTWISE_TDESC);
    if (s.mode == CUDNN_POINTWISE_GEN_INDEX)
        s.axis = *emu_values<int64_t>(what, CUDNN_ATTR_POINTWISE_AXIS);
    return s;
}

static emu_step step_of(const emu_descriptor *op)
{
    emu_step s = {op->type};

    switch (op->type) {
    case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
        return pointwise_of(op);
    case CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR:
        s.x = tensor_of(op, CUDNN_ATTR_OPERATION_MATMUL_ADESC);
        s.b = tensor_of(op, CUDNN_ATTR_OPERATION_MATMUL_BDESC);
        s.y = tensor_of(op, CUDNN_ATTR_OPERATION_MATMUL_CDESC);
        return s;
    case CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR:
        s.by = *emu_values<cudnnReduceTensorOp_t>(emu_part(op, CUDNN_ATTR_OPERATION_REDUCTION_DESC),
                                                  CUDNN_ATTR_REDUCTION_OPERATOR);
        s.x = tensor_of(op, CUDNN_ATTR_OPERATION_REDUCTION_XDESC);
        s.y = tensor_of(op, CUDNN_ATTR_OPERATION_REDUCTION_YDESC);
        return s;
    case CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR:
        s.x = tensor_of(op, CUDNN_ATTR_OPERATION_RESHAPE_XDESC);
        s.y = tensor_of(op, CUDNN_ATTR_OPERATION_RESHAPE_YDESC);
        return s;
    default:
        emu_die("cuDNN: operation of type %d in a graph with products", (int)op->type);
    }
}

static bool same_dims(const emu_tensor &a, const emu_tensor &b)
{
    return std::equal(a.dims, a.dims + 4, b.dims);
}

static bool spreads(const emu_tensor &from, const emu_tensor &to)
{
    for (int i = 0; i < 4; i++)
        if (from.dims[i] != 1 && from.dims[i] != to.dims[i])
            return false;
    return true;
}

static void check_pointwise(const emu_step &s)
{
    const element &e = element_of(s.mode);

    if (!same_dims(s.x, s.y))
        emu_die("cuDNN: x and y of an operation on elements have other shapes");
    if ((e.b && !spreads(s.b, s.x)) || (e.select && !same_dims(s.select, s.x)))
        emu_die("cuDNN: an operand of an operation on elements does not spread over x");
    if (e.select && s.select.type != CUDNN_DATA_BOOLEAN)
        emu_die("cuDNN: tensor %lld selects and is not of type BOOLEAN", (long long)s.select.uid);
    if (e.type != CUDNN_DATA_FLOAT && s.y.type != e.type)
        emu_die("cuDNN: tensor %lld is of type %d, its operation is computed in %d",
                (long long)s.y.uid, (int)s.y.type, (int)e.type);
}

// A matrix in memory: the kernels read along one of its last two dimensions.
static void check_factor(const emu_tensor &t)
{
    if (t.type != CUDNN_DATA_BFLOAT16)
        emu_die("cuDNN: tensor %lld is a factor of a product and not of type BFLOAT16",
                (long long)t.uid);
    if (t.strides[2] != 1 && t.strides[3] != 1)
        emu_die("cuDNN: tensor %lld is a factor of a product and neither of its last two strides "
                "is 1",
                (long long)t.uid);
}

static void check_product(const emu_descriptor *op, const emu_step &s)
{
    const int64_t *a = s.x.dims, *b = s.b.dims, *c = s.y.dims;

    if (*emu_values<cudnnDataType_t>(emu_part(op, CUDNN_ATTR_OPERATION_MATMUL_DESC),
                                     CUDNN_ATTR_MATMUL_COMP_TYPE) != CUDNN_DATA_FLOAT)
        emu_die("cuDNN: a product that does not add in fp32");
    check_factor(s.x);
    check_factor(s.b);
    if (!std::equal(a, a + 2, b) || !std::equal(a, a + 2, c) || a[2] != c[2] || b[3] != c[3] ||
        a[3] != b[2])
        emu_die("cuDNN: the shapes of a product do not fit together");
}

static void check_reduction(const emu_descriptor *op, const emu_step &s)
{
    if (s.by != CUDNN_REDUCE_TENSOR_ADD && s.by != CUDNN_REDUCE_TENSOR_MAX)
        emu_die("cuDNN: a reduction (%d) that nobody needs", (int)s.by);
    if (*emu_values<cudnnDataType_t>(emu_part(op, CUDNN_ATTR_OPERATION_REDUCTION_DESC),
                                     CUDNN_ATTR_REDUCTION_COMP_TYPE) != CUDNN_DATA_FLOAT ||
        s.y.type != CUDNN_DATA_FLOAT)
        emu_die("cuDNN: a reduction that is not done in fp32");
    if (!std::equal(s.x.dims, s.x.dims + 3, s.y.dims) || s.y.dims[3] != 1)
        emu_die("cuDNN: a reduction over other than the last dimension");
}

// Every element keeps its offset.
static void check_reshape(const emu_step &s)
{
    if (!same_dims(s.x, s.y) &&
        !(std::equal(s.x.dims, s.x.dims + 2, s.y.dims) && s.x.dims[2] == s.y.dims[3] &&
          s.x.dims[3] == s.y.dims[2] && s.x.strides[2] == s.y.strides[3] &&
          s.x.strides[3] == s.y.strides[2]))
        emu_die("cuDNN: tensor %lld does not have the elements of tensor %lld at their places",
                (long long)s.y.uid, (long long)s.x.uid);
}

void emu_operation_check(const emu_descriptor *op)
{
    const emu_step s = step_of(op);

    switch (op->type) {
    case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
        check_pointwise(s);
        break;
    case CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR:
        check_product(op, s);
        break;
    case CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR:
        check_reduction(op, s);
        break;
    default:
        check_reshape(s);
    }
    if (s.y.host)
        emu_die("cuDNN: the result of an operation is a number on the host");
}

bool emu_is_attention(const emu_descriptor *graph)
{
    const size_t count = emu_count<cudnnBackendDescriptor_t>(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS);

    for (size_t i = 0; i < count; i++)
        if (emu_part(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, i)->type ==
            CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR)
            return true;
    return false;
}

std::vector<emu_tensor> emu_step::operands() const
{
    std::vector<emu_tensor> all = {x};
    const bool pointwise = type == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR;

    if (type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR || (pointwise && element_of(mode).b))
        all.push_back(b);
    if (pointwise && element_of(mode).select)
        all.push_back(select);
    return all;
}

static void remember(std::map<int64_t, emu_tensor> *known, const emu_tensor &t)
{
    const auto found = known->find(t.uid);

    if (found != known->end() && !(found->second == t))
        emu_die("cuDNN: two tensors of a graph are called %lld", (long long)t.uid);
    (*known)[t.uid] = t;
}

// Whether elements of a tensor share memory: by rising stride, a dimension begins within the one
// before it.
static bool overlaps(const emu_tensor &t)
{
    int order[] = {0, 1, 2, 3};
    int64_t reach = 1;

    std::sort(order, order + 4, [&](int a, int b) { return t.strides[a] < t.strides[b]; });
    for (int k : order) {
        if (t.dims[k] == 1)
            continue;
        if (t.strides[k] < reach)
            return true;
        reach = t.strides[k] * t.dims[k];
    }
    return false;
}

emu_attention emu_attention_of(const emu_descriptor *graph)
{
    const size_t count = emu_count<cudnnBackendDescriptor_t>(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS);
    std::map<int64_t, emu_tensor> known;
    std::set<int64_t> made;
    emu_attention a;

    for (size_t i = 0; i < count; i++) {
        const emu_step s = step_of(emu_part(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, i));
        for (const emu_tensor &t : s.operands()) {
            remember(&known, t);
            if (t.between && !made.count(t.uid))
                emu_die("cuDNN: operation %zu of a graph reads tensor %lld, which none before it "
                        "makes",
                        i, (long long)t.uid);
        }
        remember(&known, s.y);
        if (!made.insert(s.y.uid).second)
            emu_die("cuDNN: two operations of a graph make tensor %lld", (long long)s.y.uid);
        if (overlaps(s.y))
            emu_die("cuDNN: tensor %lld is written and its elements share memory",
                    (long long)s.y.uid);
        a.steps.push_back(s);
    }
    for (const auto &t : known)
        if (!t.second.between)
            a.places.push_back({t.second, made.count(t.first) > 0});
    return a;
}

bool emu_attention::operator==(const emu_attention &other) const
{
    return std::equal(steps.begin(), steps.end(), other.steps.begin(), other.steps.end(),
                      [](const emu_step &s, const emu_step &t) {
                          return s.type == t.type && s.mode == t.mode && s.x == t.x && s.y == t.y;
                      });
}

// Heads of another width than a multiple of 8: cuDNN has no engines.
bool emu_attention::has_engines() const
{
    for (const emu_step &s : steps)
        if (s.type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR)
            return s.x.dims[3] % 8 == 0;
    return false;
}

typedef std::map<int64_t, std::vector<double>> values;

static double get(const void *p, cudnnDataType_t type, size_t i)
{
    return type == CUDNN_DATA_BFLOAT16 ? (double)kp_bf16_number(((const uint16_t *)p)[i])
                                       : (double)((const float *)p)[i];
}

static void put(void *p, cudnnDataType_t type, size_t i, double x)
{
    if (type == CUDNN_DATA_BFLOAT16)
        ((uint16_t *)p)[i] = kp_bf16_of((float)x);
    else
        ((float *)p)[i] = (float)x;
}

static double rounded(double x, cudnnDataType_t type)
{
    return type == CUDNN_DATA_BFLOAT16 ? (double)kp_bf16_round((float)x) : (double)(float)x;
}

// fn(i): all places of a tensor.
template <class F> static void each(const emu_tensor &t, F fn)
{
    int64_t i[4];

    for (i[0] = 0; i[0] < t.dims[0]; i[0]++)
        for (i[1] = 0; i[1] < t.dims[1]; i[1]++)
            for (i[2] = 0; i[2] < t.dims[2]; i[2]++)
                for (i[3] = 0; i[3] < t.dims[3]; i[3]++)
                    fn(i);
}

// Offset of place i, of the one that is spread over it where a dimension is 1.
static size_t offset(const emu_tensor &t, const int64_t *i)
{
    int64_t at = 0;

    for (int k = 0; k < 4; k++)
        at += t.dims[k] == 1 ? 0 : i[k] * t.strides[k];
    return (size_t)at;
}

static double apply(const emu_step &s, double x, double b, double select, const int64_t *i)
{
    switch (s.mode) {
    case CUDNN_POINTWISE_ADD:
        return x + b;
    case CUDNN_POINTWISE_SUB:
        return x - b;
    case CUDNN_POINTWISE_MUL:
        return x * b;
    case CUDNN_POINTWISE_DIV:
        return x / b;
    case CUDNN_POINTWISE_EXP:
        return std::exp(x);
    case CUDNN_POINTWISE_LOG:
        return std::log(x);
    case CUDNN_POINTWISE_GEN_INDEX:
        return (double)i[s.axis];
    case CUDNN_POINTWISE_CMP_GE:
        return x >= b;
    case CUDNN_POINTWISE_BINARY_SELECT:
        return select != 0 ? x : b;
    default:
        return x <= 0 ? 0 : x; // RELU_FWD
    }
}

static void map(const emu_step &s, values *v, std::vector<double> *y)
{
    const std::vector<double> &x = (*v)[s.x.uid], &b = (*v)[s.b.uid], &t = (*v)[s.select.uid];

    each(s.y, [&](const int64_t *i) {
        (*y)[offset(s.y, i)] =
            rounded(apply(s, x[offset(s.x, i)], b.empty() ? 0 : b[offset(s.b, i)],
                          t.empty() ? 0 : t[offset(s.select, i)], i),
                    s.y.type);
    });
}

static void multiply(const emu_step &s, values *v, std::vector<double> *y)
{
    const std::vector<double> &a = (*v)[s.x.uid], &b = (*v)[s.b.uid];

    each(s.y, [&](const int64_t *i) {
        const int64_t row[] = {i[0], i[1], i[2], 0}, column[] = {i[0], i[1], 0, i[3]};
        const double *p = &a[offset(s.x, row)], *q = &b[offset(s.b, column)];
        double sum = 0;
        for (int64_t k = 0; k < s.x.dims[3]; k++)
            sum += p[k * s.x.strides[3]] * q[k * s.b.strides[2]];
        (*y)[offset(s.y, i)] = rounded(sum, s.y.type);
    });
}

static void reduce(const emu_step &s, values *v, std::vector<double> *y)
{
    const std::vector<double> &x = (*v)[s.x.uid];

    each(s.y, [&](const int64_t *i) {
        const double *p = &x[offset(s.x, i)];
        double sum = s.by == CUDNN_REDUCE_TENSOR_ADD ? 0 : -INFINITY;
        for (int64_t k = 0; k < s.x.dims[3]; k++) {
            const double u = p[k * s.x.strides[3]];
            sum = s.by == CUDNN_REDUCE_TENSOR_ADD ? sum + u : u > sum ? u : sum;
        }
        (*y)[offset(s.y, i)] = rounded(sum, s.y.type);
    });
}

static void reshape(const emu_step &s, values *v, std::vector<double> *y)
{
    const std::vector<double> &x = (*v)[s.x.uid];

    each(s.y,
         [&](const int64_t *i) { (*y)[offset(s.y, i)] = rounded(x[offset(s.y, i)], s.y.type); });
}

void emu_attention_compute(const emu_attention &a, const std::map<int64_t, void *> &at)
{
    values v;

    for (const emu_operand &p : a.places) {
        std::vector<double> *x = &v[p.tensor.uid];
        x->resize(p.tensor.extent());
        for (size_t i = 0; !p.written && i < x->size(); i++)
            (*x)[i] = get(at.at(p.tensor.uid), p.tensor.type, i);
    }
    for (const emu_step &s : a.steps) {
        std::vector<double> y(s.y.extent());
        if (s.type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR)
            multiply(s, &v, &y);
        else if (s.type == CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR)
            reduce(s, &v, &y);
        else if (s.type == CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR)
            reshape(s, &v, &y);
        else
            map(s, &v, &y);
        v[s.y.uid].swap(y);
    }
    for (const emu_operand &p : a.places)
        if (p.written)
            each(p.tensor, [&](const int64_t *i) {
                const size_t k = offset(p.tensor, i);
                put(at.at(p.tensor.uid), p.tensor.type, k, v[p.tensor.uid][k]);
            });
}
