#!/usr/bin/env python3
"""make_op_fixtures.py - writes ops/*.fixture: what PyTorch computes for each operation, in fp64.

    python3 tests/parity/make_op_fixtures.py

Needs PyTorch 1.13 or newer; the committed files were made with 1.13. All inputs are representable
in f32, so that a device that computes in f32 is given exactly the same numbers.

Format: lines of text, then numbers. A file is a sequence of cases; a case is

    case NAME
    node OPERATION                      kp_op_name()
    attr NAME NUMBER...                 act pool factor eps momentum weight_decay nesterov lr heads
                                        index causal approximate on off clip_norm beta1 beta2
                                        decoupled step (one number), window pool_window (size,
                                        stride, pad; two each)
    in INDEX PLACE DTYPE N DIM...       an operand: place batch, fixed, param, buffer, grad, slot or
                                        slot2; dtype f64 or i32; N dimensions
    out INDEX PLACE TERMS FLOOR N DIM...
                                        a result: number of products that are summed into one
                                        element, and a magnitude below which errors are absolute
    after INDEX PLACE TERMS FLOOR N DIM...
                                        what operand INDEX holds afterwards
    data

followed by the numbers of all in, out and after lines in order: f64 as 8 and i32 as 4 bytes,
little-endian, row-major.
"""
import decimal
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops")
EPS = 1e-5

torch.manual_seed(20251124)
torch.set_num_threads(1)
decimal.getcontext().prec = 60


def draw(*shape, mean=0.0, sd=1.0):
    """Normal numbers that f32 holds exactly."""
    return (mean + sd * torch.randn(shape, dtype=torch.float64)).float().double()


class Case:
    def __init__(self, name, node, **attrs):
        self.lines = [f"case {name}", f"node {node}"]
        self.arrays = []
        for key, value in attrs.items():
            value = value if isinstance(value, (list, tuple)) else [value]
            self.lines.append(f"attr {key} " + " ".join(repr(float(v)) for v in value))

    def _add(self, words, array):
        array = array.detach().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
        words += [array.ndim, *array.shape]
        self.lines.append(" ".join(str(w) for w in words))
        kind = "<i4" if array.dtype.kind == "i" else "<f8"
        self.arrays.append(np.ascontiguousarray(array).astype(kind))

    def operand(self, index, place, array):
        integer = not array.dtype.is_floating_point
        self._add(["in", index, place, "i32" if integer else "f64"],
                  array.to(torch.int32) if integer else array)
        return self

    def result(self, index, place, array, terms=1, floor=0.0, word="out"):
        self._add([word, index, place, float(terms), float(floor)], array)
        return self

    def write(self, file):
        file.write(("\n".join(self.lines) + "\ndata\n").encode())
        for array in self.arrays:
            file.write(array.tobytes())


def write(name, cases):
    with open(os.path.join(FOLDER, name + ".fixture"), "wb") as file:
        for case in cases:
            case.write(file)


def grads(y, dy, *inputs):
    return torch.autograd.grad(y, inputs, dy, allow_unused=False)


def leaves(*tensors):
    return [t.clone().requires_grad_(True) for t in tensors]


def linear():
    for bias in (False, True):
        x, w, b = leaves(draw(5, 7), draw(4, 7), draw(4))
        dy = draw(5, 4)
        y = F.linear(x, w, b if bias else None)
        word = "bias" if bias else "plain"
        forward = Case(word, "linear").operand(0, "batch", x).operand(1, "param", w)
        if bias:
            forward.operand(2, "param", b)
        yield forward.result(0, "batch", y, 7)
        inputs = (x, w, b) if bias else (x, w)
        g = grads(y, dy, *inputs)
        yield (Case(word, "linear_grad_x").operand(0, "batch", dy).operand(1, "param", w)
               .result(0, "batch", g[0], 4))
        back = (Case(word, "linear_grad_w").operand(0, "batch", x).operand(1, "batch", dy)
                .result(0, "grad", g[1], 5))
        yield back.result(1, "grad", g[2], 5) if bias else back


def window(size, stride, pad):
    pair = lambda v: list(v) if isinstance(v, tuple) else [v, v]
    return pair(size) + pair(stride) + pair(pad)


def conv2d():
    for n, c, h, w, o, size, stride, pad, bias in (
            (3, 3, 6, 7, 4, (3, 3), (1, 1), (1, 1), True),
            (3, 4, 8, 8, 5, (3, 3), (2, 2), (1, 1), False),
            (2, 3, 8, 8, 4, (5, 5), (1, 1), (2, 2), True),
            (2, 5, 5, 6, 3, (1, 1), (1, 1), (0, 0), True),
            (2, 3, 9, 7, 4, (3, 1), (1, 2), (1, 0), True),
            (2, 3, 11, 12, 2, (7, 7), (2, 2), (3, 3), True),
            (17, 3, 4, 5, 6, (3, 3), (1, 1), (0, 0), True),
            (2, 2, 7, 7, 3, (3, 3), (3, 3), (2, 2), False)):
        x, k, b = leaves(draw(n, c, h, w), draw(o, c, *size), draw(o))
        y = F.conv2d(x, k, b if bias else None, stride, pad)
        dy = draw(*y.shape)
        name = f"{n}x{c}x{h}x{w}-k{size[0]}x{size[1]}-s{stride[0]}x{stride[1]}"
        attrs = {"window": window(size, stride, pad)}
        area, pixels = size[0] * size[1], y.shape[0] * y.shape[2] * y.shape[3]
        forward = Case(name, "conv2d", **attrs).operand(0, "batch", x).operand(1, "param", k)
        if bias:
            forward.operand(2, "param", b)
        yield forward.result(0, "batch", y, c * area)
        g = grads(y, dy, *((x, k, b) if bias else (x, k)))
        yield (Case(name, "conv2d_grad_x", **attrs).operand(0, "batch", dy).operand(1, "param", k)
               .result(0, "batch", g[0], o * area))
        back = (Case(name, "conv2d_grad_w", **attrs).operand(0, "batch", x)
                .operand(1, "batch", dy).result(0, "grad", g[1], pixels, math.sqrt(pixels)))
        yield back.result(1, "grad", g[2], pixels, math.sqrt(pixels)) if bias else back


def batch_norm():
    for shape, mean, act, residual, pool in (
            ((4, 3, 4, 5), 0.0, False, False, 0), ((7, 3), 0.0, False, False, 0),
            ((5, 2, 3, 3), 10.0, False, False, 0), ((17, 3, 4, 4), 0.0, True, False, 0),
            ((3, 4, 4, 6), 0.0, True, True, 0), ((4, 5, 4, 6), 0.0, True, False, 2)):
        for training in (True, False):
            yield from one_batch_norm(shape, mean, act, residual, pool, training)


def one_batch_norm(shape, mean, act, residual, pool, training):
    c = shape[1]
    x, gamma, beta, r = leaves(draw(*shape, mean=mean), draw(c, mean=1, sd=0.3),
                               draw(c, sd=0.3), draw(*shape))
    running_mean = draw(c, mean=mean)
    running_var = (0.5 + torch.rand(c, dtype=torch.float64)).float().double()
    new_mean, new_var = running_mean.clone(), running_var.clone()
    u = F.batch_norm(x, new_mean, new_var, gamma, beta, training, 0.1, EPS)
    if residual:
        u = u + r
    y = F.relu(u) if act else u
    if pool:
        y = F.max_pool2d(y, pool)
    dims = [d for d in range(len(shape)) if d != 1]
    m = x.mean(dims)
    s = 1 / torch.sqrt(x.var(dims, unbiased=False) + EPS)
    count = x.numel() // c
    # A rounded mean shifts every normalised value by |mean| / sd roundings.
    floor = 1 + abs(mean)

    attrs = {"eps": EPS, "momentum": 0.1, "act": act, "pool": bool(pool)}
    if pool:
        attrs["window"] = window(pool, pool, 0)
    name = "x".join(map(str, shape))
    node = "batch_norm" if training else "batch_norm_eval"
    forward = Case(name, node, **attrs).operand(0, "batch", x)
    operands(forward, gamma, beta, "buffer", running_mean, running_var, r if residual else None)
    forward.result(0, "batch", y, count, floor)
    if training:
        forward.result(1, "fixed", m, count, 1).result(2, "fixed", s, count)
        forward.result(3, "buffer", new_mean, count, 1, "after")
        forward.result(4, "buffer", new_var, count, 0, "after")
    yield forward

    dy = draw(*y.shape)
    g = grads(y, dy, x, gamma, beta, *([r] if residual else []))
    back = Case(name, node + "_grad", **attrs).operand(0, "batch", x)
    first, second = (m, s) if training else (running_mean, running_var)
    operands(back, gamma, beta, "fixed" if training else "buffer", first, second,
             r if residual else None)
    back.operand(6, "batch", dy).result(0, "batch", g[0], count, floor)
    sums = math.sqrt(count) * floor
    back.result(1, "grad", g[1], count, sums).result(2, "grad", g[2], count, sums)
    yield back.result(3, "batch", g[3], 1) if residual else back


def operands(case, gamma, beta, place, first, second, r):
    case.operand(1, "param", gamma).operand(2, "param", beta)
    case.operand(3, place, first).operand(4, place, second)
    if r is not None:
        case.operand(5, "batch", r)


def fold():
    for bias in (True, False):
        w, b = draw(4, 3, 3, 2), draw(4)
        gamma, beta, mean = draw(4, mean=1, sd=0.3), draw(4), draw(4)
        var = (0.5 + torch.rand(4, dtype=torch.float64)).float().double()
        new_w, new_b = torch.nn.utils.fusion.fuse_conv_bn_weights(
            w, b if bias else None, mean, var, EPS, gamma, beta)
        case = Case("bias" if bias else "plain", "fold_batch_norm", eps=EPS)
        case.operand(0, "param", w)
        if bias:
            case.operand(1, "param", b)
        case.operand(2, "param", gamma).operand(3, "param", beta)
        case.operand(4, "buffer", mean).operand(5, "buffer", var)
        yield case.result(0, "fixed", new_w).result(1, "fixed", new_b, 1, 1)


def pools():
    for shape, size, stride, pad in (((3, 4, 4, 6), 2, 2, 0), ((2, 3, 7, 8), 3, 2, 1),
                                     ((17, 2, 4, 4), 4, 4, 0), ((2, 3, 5, 7), (2, 3), (1, 2),
                                                                (1, 1))):
        attrs = {"window": window(size, stride, pad)}
        name = "x".join(map(str, shape))
        for node, function in (("max_pool", F.max_pool2d), ("avg_pool", F.avg_pool2d)):
            # Small integers: ties, where the first largest gets the gradient.
            x, = leaves(torch.randint(-2, 3, shape).double() if node == "max_pool"
                        else draw(*shape))
            y = function(x, size, stride, pad)
            dy = draw(*y.shape)
            g, = grads(y, dy, x)
            terms = 9
            yield (Case(name, node, **attrs).operand(0, "batch", x)
                   .result(0, "batch", y, terms))
            back = Case(name, node + "_grad", **attrs)
            if node == "max_pool":
                back.operand(0, "batch", x)
            yield (back.operand(1 if node == "max_pool" else 0, "batch", dy)
                   .result(0, "batch", g, terms))


def elementwise():
    shape = (3, 4, 2, 5)
    x, = leaves(draw(*shape))
    y, dy = F.relu(x), draw(*shape)
    yield Case("4d", "relu").operand(0, "batch", x).result(0, "batch", y)
    yield (Case("4d", "relu_grad").operand(0, "batch", y).operand(1, "batch", dy)
           .result(0, "batch", grads(y, dy, x)[0]))
    a, b = draw(*shape), draw(*shape)
    for node, y in (("add", a + b), ("sub", a - b), ("mul", a * b)):
        yield (Case("4d", node).operand(0, "batch", a).operand(1, "batch", b)
               .result(0, "batch", y))
    yield Case("4d", "scale", factor=-1.75).operand(0, "batch", a).result(0, "batch", -1.75 * a)
    x, = leaves(draw(*shape))
    y, dy = x.mean((1, 2, 3)), draw(3)
    yield Case("4d", "mean").operand(0, "batch", x).result(0, "batch", y, 40, 1)
    yield (Case("4d", "mean_grad").operand(0, "batch", dy)
           .result(0, "batch", grads(y, dy, x)[0]))


def softmaxes():
    for shape, sd in (((5, 10), 1), ((4, 3, 7), 5), ((17, 33), 20)):
        for node, function in (("softmax", F.softmax), ("log_softmax", F.log_softmax)):
            x, = leaves(draw(*shape, sd=sd))
            y, dy = function(x, -1), draw(*shape)
            name = "x".join(map(str, shape))
            yield (Case(name, node).operand(0, "batch", x)
                   .result(0, "batch", y, shape[-1]))
            yield (Case(name, node + "_grad").operand(0, "batch", y).operand(1, "batch", dy)
                   .result(0, "batch", grads(y, dy, x)[0], shape[-1], 1))


def cross_entropy():
    for shape, sd in (((6, 10), 1), ((4, 3, 7), 5), ((17, 33), 20)):
        z, = leaves(draw(*shape, sd=sd))
        labels = torch.randint(-1, shape[-1], shape[:-1])
        labels.view(-1)[1] = -1
        losses = F.cross_entropy(z.reshape(-1, shape[-1]), labels.reshape(-1), ignore_index=-1,
                                 reduction="none").reshape(labels.shape)
        dl = draw(*labels.shape)
        name = "x".join(map(str, shape))
        yield (Case(name, "cross_entropy").operand(0, "batch", z).operand(1, "batch", labels)
               .result(0, "batch", losses, shape[-1]))
        yield (Case(name, "cross_entropy_grad").operand(0, "batch", z)
               .operand(1, "batch", labels).operand(2, "batch", dl)
               .result(0, "batch", grads(losses, dl, z)[0], shape[-1]))


def exact_kl(z, t, tau):
    """Divergence and its gradient of one row, in 60 digits: at large temperatures PyTorch's fp64
    keeps only a few digits of them."""
    def shares(x):
        e = [(decimal.Decimal(v) / decimal.Decimal(tau)).exp() for v in x]
        return [v / sum(e) for v in e]
    q, p = shares(z), shares(t)
    kl = sum(a * (a.ln() - b.ln()) for a, b in zip(p, q))
    return float(kl), [float((b - a) / decimal.Decimal(tau)) for a, b in zip(p, q)]


def kl():
    for tau in (0.1, 1.0, 20.0, 1e4):
        for shape, sd in (((5, 10), 1), ((17, 12), 4)):
            z, = leaves(draw(*shape, sd=sd))
            t, dl = draw(*shape, sd=sd), draw(shape[0])
            losses = F.kl_div(F.log_softmax(z / tau, -1), F.log_softmax(t / tau, -1),
                              reduction="none", log_target=True).sum(-1)
            gradient, = grads(losses, dl, z)
            rows = [exact_kl(z[i].tolist(), t[i].tolist(), tau) for i in range(shape[0])]
            exact = torch.tensor([r[0] for r in rows], dtype=torch.float64)
            exact_gradient = torch.tensor([r[1] for r in rows], dtype=torch.float64) * dl[:, None]
            assert (losses - exact).abs().max() <= 1e-14 * (1 + exact.max())
            assert (gradient - exact_gradient).abs().max() <= 1e-14 / tau
            name = f"{shape[0]}x{shape[1]}-tau{tau:g}"
            yield (Case(name, "kl_divergence", factor=tau).operand(0, "batch", z)
                   .operand(1, "batch", t).result(0, "batch", exact, shape[-1]))
            yield (Case(name, "kl_divergence_grad", factor=tau).operand(0, "batch", z)
                   .operand(1, "batch", t).operand(2, "batch", dl)
                   .result(0, "batch", exact_gradient, shape[-1], 1e-4 / tau))


def weighted_mean():
    for n in (5, 17):
        x, = leaves(draw(n))
        w = torch.randint(0, 4, (n,)).double() / 2
        y, dy = (w * x).sum() / w.sum(), draw()
        yield (Case(str(n), "weighted_mean").operand(0, "batch", x).operand(1, "batch", w)
               .result(0, "fixed", y, 1, 1))
        g, = grads(y, dy, x)
        yield (Case(str(n), "weighted_mean_grad").operand(0, "batch", x).operand(1, "batch", w)
               .operand(2, "fixed", dy).result(0, "batch", g))


def sgd():
    for momentum, nesterov, decay in ((0.0, False, 0.0), (0.0, False, 5e-4), (0.9, False, 5e-4),
                                      (0.9, True, 5e-4)):
        p = draw(23).requires_grad_(True)
        optimizer = torch.optim.SGD([p], lr=0.05, momentum=momentum, nesterov=nesterov,
                                    weight_decay=decay)
        # A first step fills the momentum.
        for first in (True, False):
            p.data = p.data.float().double()
            state = optimizer.state[p]
            slot = state.get("momentum_buffer") if momentum else None
            slot = torch.zeros_like(p) if slot is None else slot.data.float().double()
            if not first and momentum:
                state["momentum_buffer"] = slot.clone()
            p.grad = draw(23)
            case = Case(f"mu{momentum:g}-nesterov{int(nesterov)}-wd{decay:g}-{int(first)}", "sgd",
                        momentum=momentum, nesterov=nesterov, weight_decay=decay, lr=0.05)
            case.operand(0, "param", p).operand(1, "grad", p.grad)
            if momentum:
                case.operand(2, "slot", slot)
            optimizer.step()
            case.result(0, "param", p, 1, 0, "after")
            if momentum:
                case.result(2, "slot", optimizer.state[p]["momentum_buffer"], 1, 0, "after")
            yield case


def adam():
    for decoupled, decay in ((False, 0.0), (False, 5e-2), (True, 5e-2)):
        p = draw(23).requires_grad_(True)
        kind = torch.optim.AdamW if decoupled else torch.optim.Adam
        optimizer = kind([p], lr=0.05, betas=(0.9, 0.95), eps=1e-8, weight_decay=decay)
        for step in (1, 2, 3):
            p.data = p.data.float().double()
            state = optimizer.state[p]
            slots = [state[k].float().double() if step > 1 else torch.zeros_like(p)
                     for k in ("exp_avg", "exp_avg_sq")]
            if step > 1:
                state["exp_avg"], state["exp_avg_sq"] = (s.clone() for s in slots)
            p.grad = draw(23)
            case = Case(f"decoupled{int(decoupled)}-wd{decay:g}-{step}", "adam", beta1=0.9,
                        beta2=0.95, eps=1e-8, weight_decay=decay, decoupled=decoupled, lr=0.05,
                        step=step)
            case.operand(0, "param", p).operand(1, "grad", p.grad)
            case.operand(2, "slot", slots[0]).operand(3, "slot2", slots[1])
            optimizer.step()
            case.result(0, "param", p, 1, 0, "after")
            state = optimizer.state[p]
            case.result(2, "slot", state["exp_avg"], 1, 0, "after")
            yield case.result(3, "slot2", state["exp_avg_sq"], 1, 0, "after")


def clip():
    for limit in (0.5, 4.0, 100.0):
        p = draw(23).requires_grad_(True)
        g = draw(23)
        p.grad = g.clone()
        torch.nn.utils.clip_grad_norm_([p], limit)
        at = g.abs().argmax()
        yield (Case(f"{limit:g}", "clip", clip_norm=limit).operand(0, "param", p)
               .operand(1, "grad", g).result(0, "fixed", p.grad[at] / g[at], 1))


def classes():
    for shape in ((6, 10), (4, 3, 7), (17, 33)):
        name, k = "x".join(map(str, shape)), shape[-1]
        labels = torch.randint(0, k, shape[:-1])
        y = torch.full(shape, -1.5, dtype=torch.float64)
        y.scatter_(-1, labels.unsqueeze(-1), 0.75)
        labels.view(-1)[1] = -1
        y.view(-1, k)[1] = -1.5
        yield (Case(name, "one_hot", on=0.75, off=-1.5).operand(0, "batch", labels)
               .result(0, "batch", y))
        x = torch.randint(-2, 3, shape).double()
        # numpy's is the first largest
        largest = np.argmax(x.numpy(), -1).astype(np.float64)
        yield Case(name, "argmax").operand(0, "batch", x).result(0, "batch", largest)
        x, = leaves(draw(*shape))
        y, dy = x.mean(-1), draw(*shape[:-1])
        yield Case(name + "-last", "mean").operand(0, "batch", x).result(0, "batch", y, k, 1)
        yield (Case(name + "-last", "mean_grad").operand(0, "batch", dy)
               .result(0, "batch", grads(y, dy, x)[0]))


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for function in (linear, conv2d, batch_norm, fold, pools, elementwise, softmaxes,
                     cross_entropy, kl, weighted_mean, sgd, adam, clip, classes):
        write(function.__name__, function())


if __name__ == "__main__":
    main()
