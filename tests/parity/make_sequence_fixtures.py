#!/usr/bin/env python3
"""make_sequence_fixtures.py - writes the fixtures of operations on rows and sequences; the format
is that of make_op_fixtures.py."""
import math

import torch
import torch.nn.functional as F

from make_op_fixtures import EPS, Case, draw, grads, leaves, window, write

torch.manual_seed(20251125)


def layer_norm():
    for shape, mean in (((5, 7), 0.0), ((3, 4, 33), 2.0), ((17, 2, 16), 0.0)):
        k = shape[-1]
        x, gamma, beta = leaves(draw(*shape, mean=mean), draw(k, mean=1, sd=0.3), draw(k, sd=0.3))
        y, dy = F.layer_norm(x, (k,), gamma, beta, EPS), draw(*shape)
        m = x.mean(-1)
        s = 1 / torch.sqrt(x.var(-1, unbiased=False) + EPS)
        floor, rows = 1 + abs(mean), x.numel() // k
        name = "x".join(map(str, shape))
        yield (Case(name, "layer_norm", eps=EPS).operand(0, "batch", x).operand(1, "param", gamma)
               .operand(2, "param", beta).result(0, "batch", y, k, floor)
               .result(1, "batch", m, k, 1).result(2, "batch", s, k, floor))
        g = grads(y, dy, x, gamma, beta)
        yield (Case(name, "layer_norm_grad", eps=EPS).operand(0, "batch", x)
               .operand(1, "param", gamma).operand(2, "batch", m).operand(3, "batch", s)
               .operand(4, "batch", dy).result(0, "batch", g[0], k, floor)
               .result(1, "grad", g[1], rows, math.sqrt(rows) * floor)
               .result(2, "grad", g[2], rows, math.sqrt(rows)))


def gelu():
    for form in ("none", "tanh"):
        for shape, sd in (((5, 7), 1), ((17, 3, 5), 3)):
            x, = leaves(draw(*shape, sd=sd))
            y, dy = F.gelu(x, approximate=form), draw(*shape)
            name = form + "-" + "x".join(map(str, shape))
            attrs = {"approximate": form == "tanh"}
            yield Case(name, "gelu", **attrs).operand(0, "batch", x).result(0, "batch", y, 4, 1)
            yield (Case(name, "gelu_grad", **attrs).operand(0, "batch", x).operand(1, "batch", dy)
                   .result(0, "batch", grads(y, dy, x)[0], 4, 1))


def attention():
    for n, t, heads, size, causal in ((2, 3, 2, 4, False), (3, 9, 3, 5, True), (2, 33, 1, 16, True),
                                      (2, 20, 2, 8, False)):
        scale = 1 / math.sqrt(size)
        q, k, v = leaves(*(draw(n, t, heads * size) for _ in range(3)))
        split = lambda x: x.view(n, t, heads, size).transpose(1, 2)
        a = scale * split(q) @ split(k).transpose(2, 3)
        if causal:
            a = a.masked_fill(torch.ones(t, t).triu(1).bool(), -math.inf)
        y = (torch.softmax(a, -1) @ split(v)).transpose(1, 2).reshape(n, t, heads * size)
        l, dy = torch.logsumexp(a, -1), draw(n, t, heads * size)
        name = f"{n}x{t}x{heads}x{size}" + ("-causal" if causal else "")
        attrs = {"heads": heads, "factor": scale, "causal": causal}
        forward = Case(name, "attention", **attrs)
        back = Case(name, "attention_grad", **attrs)
        for i, x in enumerate((q, k, v)):
            forward.operand(i, "batch", x)
            back.operand(i, "batch", x)
        yield forward.result(0, "batch", y, t + size, 1).result(1, "batch", l, t + size, 1)
        back.operand(3, "batch", y).operand(4, "batch", l).operand(5, "batch", dy)
        for i, g in enumerate(grads(y, dy, q, k, v)):
            back.result(i, "batch", g, 4 * (t + size), math.sqrt(size))
        yield back


def tokens():
    x, token, table = leaves(draw(5, 4, 3), draw(3), draw(7, 3))
    y, dy = torch.cat([token.expand(5, 1, 3), x], 1), draw(5, 5, 3)
    yield (Case("5x4x3", "prepend").operand(0, "batch", x).operand(1, "param", token)
           .result(0, "batch", y))
    g = grads(y, dy, x, token)
    yield (Case("5x4x3", "prepend_grad").operand(0, "batch", dy).result(0, "batch", g[0])
           .result(1, "grad", g[1], 5))
    y, dy = x + table[:4], draw(5, 4, 3)
    yield (Case("5x4x3", "add_position").operand(0, "batch", x).operand(1, "param", table)
           .result(0, "batch", y))
    yield (Case("5x4x3", "add_position_grad").operand(0, "batch", dy)
           .result(0, "grad", grads(y, dy, table)[0], 5))
    y, dy = x[:, 2], draw(5, 3)
    yield (Case("5x4x3", "select", index=2).operand(0, "batch", x).result(0, "batch", y))
    yield (Case("5x4x3", "select_grad", index=2).operand(0, "batch", dy)
           .result(0, "batch", grads(y, dy, x)[0]))
    ids = torch.randint(0, 7, (5, 4))
    y, dy = F.embedding(ids, table), draw(5, 4, 3)
    yield (Case("5x4x3", "embedding").operand(0, "batch", ids).operand(1, "param", table)
           .result(0, "batch", y))
    yield (Case("5x4x3", "embedding_grad").operand(0, "batch", ids).operand(1, "batch", dy)
           .result(0, "grad", grads(y, dy, table)[0], 20))
    x, = leaves(draw(3, 2, 4, 6))
    y = F.unfold(x, 2, stride=2).transpose(1, 2).reshape(3, 6, 2, 4).transpose(2, 3)
    y, dy = y.reshape(3, 6, 8), draw(3, 6, 8)
    attrs = {"window": window(2, 2, 0)}
    yield Case("3x2x4x6", "patches", **attrs).operand(0, "batch", x).result(0, "batch", y)
    yield (Case("3x2x4x6", "patches_grad", **attrs).operand(0, "batch", dy)
           .result(0, "batch", grads(y, dy, x)[0]))


def linear_rows():
    x, w, b = leaves(draw(5, 3, 7), draw(4, 7), draw(4))
    y, dy = F.linear(x, w, b), draw(5, 3, 4)
    yield (Case("rows", "linear").operand(0, "batch", x).operand(1, "param", w)
           .operand(2, "param", b).result(0, "batch", y, 7))
    g = grads(y, dy, x, w, b)
    yield (Case("rows", "linear_grad_x").operand(0, "batch", dy).operand(1, "param", w)
           .result(0, "batch", g[0], 4))
    yield (Case("rows", "linear_grad_w").operand(0, "batch", x).operand(1, "batch", dy)
           .result(0, "grad", g[1], 15).result(1, "grad", g[2], 15))


for function in (layer_norm, gelu, attention, tokens, linear_rows):
    write(function.__name__, function())
