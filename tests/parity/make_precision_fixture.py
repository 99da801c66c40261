#!/usr/bin/env python3
"""make_precision_fixture.py - writes fixtures/model_gpt_bf16.safetensors: a language model whose
products are of bf16.

It holds a batch and weights as make_model_fixtures.py does for model_gpt*, and what came of them
  rounded/...     in fp64, with the operands of products rounded as core/device/precision.h says
  autocast/...    in torch.autocast(dtype=torch.bfloat16), which rounds results as well
  fp32/...        without rounding, so that a test can tell the three apart
each with logits, loss, grad/<name> of every parameter, and adam/<name> after STEPS steps of Adam.
"""
import contextlib
import copy
import math
import os

import torch
import torch.nn.functional as F

from make_model_fixtures import ADAM, STEPS, prepare, store
from torch_models import Attention, Gpt

VOCABULARY, ROWS, CONTEXT = 19, 5, 12


def bf16(x):
    """The nearest number of 8 bits, of two the even one; in fp64, so that nothing rounds twice."""
    _, exponent = torch.frexp(x)
    return torch.ldexp(torch.round(torch.ldexp(x, 8 - exponent)), exponent - 8)


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b=None):
        ctx.save_for_backward(bf16(x), bf16(w))
        ctx.bias = b is not None
        y = bf16(x) @ bf16(w).T
        return y if b is None else y + b

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        g = bf16(dy)
        rows = g.flatten(0, -2)
        return g @ w, rows.T @ x.flatten(0, -2), rows.sum(0) if ctx.bias else None


class Operand(torch.autograd.Function):
    """Rounded on the way in, its gradient as it is."""

    @staticmethod
    def forward(ctx, x):
        return bf16(x)

    @staticmethod
    def backward(ctx, dy):
        return dy


class Result(torch.autograd.Function):
    """As it is, its gradient rounded."""

    @staticmethod
    def forward(ctx, y):
        return y.clone()

    @staticmethod
    def backward(ctx, dy):
        return bf16(dy)


def attention(self, x):
    def operand(name):
        return Operand.apply(getattr(self, name)(x)).unflatten(2, (self.heads, -1)).transpose(1, 2)

    q, k, v = map(operand, self.names[:3])
    a = q @ k.transpose(2, 3) / math.sqrt(self.divide_by)
    n = x.shape[1]
    a = a.masked_fill(torch.ones(n, n).triu(1).bool(), -math.inf)
    y = Result.apply((a.softmax(-1) @ v).transpose(1, 2).flatten(2))
    return getattr(self, self.names[3])(y)


@contextlib.contextmanager
def rounded():
    kept = F.linear, Attention.forward
    F.linear, Attention.forward = Linear.apply, attention
    yield
    F.linear, Attention.forward = kept


def measure(model, batch, inside):
    """name -> what came of it; `inside`: makes what the forward pass is done in."""
    x, labels, weights = batch
    weights = weights.to(next(model.parameters()).dtype)

    def loss(m):
        with inside():
            logits = m(x)
        each = F.cross_entropy(logits.to(weights.dtype).flatten(0, 1), labels.flatten(),
                               reduction="none", ignore_index=-1)
        return logits.to(weights.dtype), (each * weights.flatten()).sum() / weights.sum()

    m, out = copy.deepcopy(model), {}
    out["logits"], out["loss"] = loss(m)
    out["loss"].backward()
    out.update({f"grad/{k}": p.grad for k, p in m.named_parameters()})
    m = copy.deepcopy(model)
    adam = torch.optim.Adam(m.parameters(), **ADAM)
    for _ in range(STEPS):
        adam.zero_grad()
        loss(m)[1].backward()
        adam.step()
    out.update({f"adam/{k}": v for k, v in m.state_dict().items()})
    return out


def main():
    torch.set_num_threads(1)
    torch.manual_seed(16)
    model = prepare(Gpt(VOCABULARY, 14, 16, 2, 3, 4, 24))
    batch = (torch.randint(0, VOCABULARY, (ROWS, CONTEXT)),
             torch.randint(-1, VOCABULARY, (ROWS, CONTEXT)),
             torch.randint(0, 4, (ROWS, CONTEXT)).double() / 2)
    kinds = {
        "rounded": (model, rounded),
        "autocast": (copy.deepcopy(model).float(),
                     lambda: torch.autocast("cpu", dtype=torch.bfloat16)),
        "fp32": (model, contextlib.nullcontext),
    }
    out = dict(zip(("x", "labels", "weights"), batch), **model.state_dict())
    for kind, (m, inside) in kinds.items():
        out.update({f"{kind}/{k}": v for k, v in measure(m, batch, inside).items()})
    store(os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures",
                       "model_gpt_bf16.safetensors"), out)


if __name__ == "__main__":
    main()
