#!/usr/bin/env python3
"""make_training_fixtures.py - writes fixtures/training_*.safetensors: what PyTorch makes of every
objective, optimizer, schedule and frozen layer.

    python3 tests/parity/make_training_fixtures.py

Computed in fp64 from numbers that fp32 holds exactly, stored in fp32. A file holds
  <parameter or buffer>        where all of the following starts
  x, labels, teacher_logits    one batch
  loss/<objective>, grad/<objective>/<name>
  steps/<case>/<name>          after STEPS steps on that batch with the objective lt

Draws are repeated until small noise on the weights leaves all of it alone, as in
make_model_fixtures.py.
"""
import copy
import os

import numpy
import torch
import torch.nn.functional as F

import safetensors_file
from torch_models import Mlp, VanillaCnn

STEPS = 10
NOISE = 3e-7
STEADY = 1e-5
TRIALS = 6

OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {}, 0),
    "sgd_clip": (torch.optim.SGD, {}, 0.2),
    "sgd_all": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-2}, 0.2),
    "sgd_momentum_clip": (torch.optim.SGD, {"momentum": 0.9}, 0.2),
    "adam": (torch.optim.Adam, {}, 0),
    "adam_decay": (torch.optim.Adam, {"weight_decay": 5e-2}, 0),
    "adam_decay_clip": (torch.optim.Adam, {"weight_decay": 5e-2}, 0.2),
    "adamw": (torch.optim.AdamW, {"weight_decay": 0}, 0),
    "adamw_decay": (torch.optim.AdamW, {"weight_decay": 0.5}, 0),
    "adamw_decay_clip": (torch.optim.AdamW, {"weight_decay": 0.5}, 0.2),
}
SCHEDULED = ("sgd_all", "adamw_decay_clip")
FROZEN = {"head": ("conv", "bn"), "tail": ("conv0", "bn0", "conv1", "bn1")}


def rate(lr, step):
    """Warm-up over the first of epochs of 4 steps, a fifth after the second."""
    return lr * min(step / 4, 1) * (0.2 if step >= 8 else 1)


def soft(q, tau):
    return F.softmax(q / tau, 1)


def divergence(z, u, scale=1.0, reduction="batchmean"):
    return scale * F.kl_div(F.log_softmax(z, 1), u, reduction=reduction)


def losses():
    """name -> loss(logits, labels, teacher's logits), as the objectives' sources have them."""
    def smoothed(y, k, on, off):
        return torch.where(F.one_hot(y, k).bool(), on, off).double()

    def ded(tau, a=0.99):
        def loss(z, y, t):
            k = z.shape[1]
            q = smoothed(y, k, a, (1 - a) / (1 - k))
            return (0.9 * F.cross_entropy(z, y)
                    + 0.1 * divergence(z / tau, soft(q, tau), tau * tau))
        return loss

    def yuan(multiplier):
        def loss(z, y, t):
            k = z.shape[1]
            u = soft(smoothed(y, k, 0.99, 0.01 / (k - 1)), 20.0)
            return 0.9 * F.cross_entropy(z, y) + 0.1 * divergence(z, u, multiplier or k, "mean")
        return loss

    def plain(z, y, t):
        k = z.shape[1]
        return -(smoothed(y, k, 0.9, 0.1 / (k - 1)) * F.log_softmax(z, 1)).sum(1).mean()

    def centred(z, t):
        return (z - z.mean(1, keepdim=True)) - (t - t.mean(1, keepdim=True))

    return {
        "ls_ded_1": ded(1.0), "ls_ded_20": ded(20.0), "ls_ded_a": ded(5.0, 0.7),
        "ls_yuan": yuan(None), "ls_yuan_100": yuan(100.0), "ls_plain": plain,
        "hardkd": lambda z, y, t: F.cross_entropy(z, t.argmax(1)),
        "l2": lambda z, y, t: F.mse_loss(z, t),
        "l2_sum": lambda z, y, t: ((z - t) ** 2).sum(1).mean(),
        "l2_centred": lambda z, y, t: (centred(z, t) ** 2).mean(),
        "l2_centred_sum": lambda z, y, t: (centred(z, t) ** 2).sum(1).mean(),
        "kd_mean": lambda z, y, t: divergence(z / 4, soft(t, 4.0), 16, "mean"),
        "kd_asymmetric": lambda z, y, t: divergence(z, soft(t, 4.0)),
        "kd_asymmetric_mean": lambda z, y, t: (0.5 * F.cross_entropy(z, y)
                                               + 0.5 * divergence(z, soft(t, 4.0), 1, "mean")),
    }


def prepare(model):
    model.double()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2)
            elif name.endswith("running_mean"):
                value.normal_(0, 0.3)
            if value.is_floating_point():
                value.copy_(value.float().double())
    return model


def shake(model, noise):
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1 + noise * torch.randn_like(p))


def gradients(model, batch, noise):
    out = {}
    for name, loss in losses().items():
        m = copy.deepcopy(model).train()
        shake(m, noise)
        value = loss(m(batch[0]), *batch[1:])
        value.backward()
        out[f"loss/{name}"] = value.detach()
        out.update({f"grad/{name}/{k}": p.grad for k, p in m.named_parameters()})
    return out


def steps(model, optimizer, clip, lr, batch, noise, frozen=(), scheduled=False):
    m = copy.deepcopy(model).train()
    trained = []
    for name, module in m.named_modules():
        still = name.startswith(frozen) if frozen else False
        if still:
            module.eval()
        for p in module.parameters(recurse=False):
            p.requires_grad_(not still)
            trained += [] if still else [p]
    opt = optimizer(trained, lr)
    for i in range(STEPS):
        shake(m, noise)
        for group in opt.param_groups:
            group["lr"] = rate(lr, i) if scheduled else lr
        opt.zero_grad()
        F.cross_entropy(m(batch[0]), batch[1]).backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(trained, clip)
        opt.step()
    return m.state_dict()


def mlp_results(model, batch, noise):
    out = gradients(model, batch, noise)
    for name, (kind, options, clip) in OPTIMIZERS.items():
        lr = 0.1 if kind is torch.optim.SGD else 0.01
        make = lambda p, r, kind=kind, options=options: kind(p, lr=r, **options)
        for scheduled in (False, True) if name in SCHEDULED else (False,):
            end = steps(model, make, clip, lr, batch, noise, scheduled=scheduled)
            case = name + ("_scheduled" if scheduled else "")
            out.update({f"steps/{case}/{k}": v for k, v in end.items()})
    return out


def cnn_results(model, batch, noise):
    out = {}
    make = lambda p, r: torch.optim.SGD(p, lr=r, momentum=0.9, weight_decay=1e-2)
    for name, frozen in FROZEN.items():
        end = steps(model, make, 0, 0.05, batch, noise, frozen)
        out.update({f"steps/{name}/{k}": v for k, v in end.items()})
    return out


def unlike(a, b):
    return max(((a[k] - b[k]).abs().max() / a[k].abs().max()).item()
               for k in a if a[k].is_floating_point() and a[k].abs().max() > 0)


def record(path, model, batch, results):
    """False if the results depend on rounding."""
    out = results(model, batch, 0)
    for _ in range(TRIALS):
        if unlike(out, results(model, batch, NOISE)) > STEADY:
            return False
    out.update({"x": batch[0], "labels": batch[1], "teacher_logits": batch[2]})
    out.update(model.state_dict())
    arrays = {}
    for name, tensor in out.items():
        array = tensor.detach().numpy()
        arrays[name] = array.astype(numpy.int64 if array.dtype.kind == "i" else numpy.float32)
    safetensors_file.write(path, arrays)
    print(path, os.path.getsize(path), "bytes")
    return True


def batch_of(rows, shape, classes):
    x = (torch.randint(0, 256, (rows, *shape)).double() / 255 - 0.5) / 0.25
    teacher = 3 * torch.randn(rows, classes, dtype=torch.float64)
    return (x.float().double(), torch.randint(0, classes, (rows,)), teacher.float().double())


def main():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
    torch.set_num_threads(1)
    torch.manual_seed(21)
    while not record(os.path.join(folder, "training_mlp.safetensors"),
                     prepare(Mlp(16, [12, 8], 5)), batch_of(17, (1, 4, 4), 5), mlp_results):
        pass
    while not record(os.path.join(folder, "training_cnn.safetensors"),
                     prepare(VanillaCnn(3, channels=1, image=28)), batch_of(9, (1, 28, 28), 10),
                     cnn_results):
        pass


main()
