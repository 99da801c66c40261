#!/usr/bin/env python3
"""make_model_fixtures.py - writes fixtures/model_*.safetensors: what PyTorch makes of each model.

Everything is computed in fp64 from weights, inputs and teacher logits that fp32 holds exactly, and
stored in fp32. A file holds
  <parameter or buffer>        where all of the following starts
  x, labels, teacher_logits    one batch; a label is never missing
  logits/train, logits/eval
  grad/<objective>/<name>      of every parameter
  loss/<objective>
  sgd/<optimizer>/<name>       after STEPS steps on that batch with the objective kd_tau2
A brief one holds the objectives lt and kd_tau2 and the optimizer momentum only. model_gpt*: x and
labels are (N, T), a label may be -1, weights (N, T) are those of the tokens, the objective is lt,
and adam/<name> comes after STEPS steps of Adam.

A value that is within rounding of a ReLU's or a pool's switch makes the weights after some steps
depend on how a device rounds. Draws are repeated until small noise leaves the weights alone.
"""
import copy
import os

import numpy
import torch
import torch.nn.functional as F

import safetensors_file
from torch_models import Gpt, Mlp, ResNet, VanillaCnn, Vit

TAU = 20.0
SCALES = {"none": 1.0, "tau": TAU, "tau2": TAU * TAU}
STEPS = 10
LR = 0.05
WEIGHT_DECAY = 1e-3
NOISE = 3e-7  # relative, on each parameter before each step: several roundings of fp32
STEADY = 1e-5  # the largest relative error that it may cause
TRIALS = 6
# The gradient of a key's bias is 0 but for rounding, which a smaller eps would blow up.
ADAM = {"lr": 0.01, "betas": (0.9, 0.95), "eps": 1e-4}
BRIEF = ("lt", "kd_tau2", "momentum")
NORMS = ("downsample.1.", ".la1.", ".la2.", "fc.0.", "ln")
OPTIMIZERS = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
}


def held_by_fp32(tensor):
    return tensor.float().double()


def losses():
    """name -> loss(logits, labels, teacher's logits), as the objectives define them."""
    out = {"lt": lambda z, y, t: F.cross_entropy(z, y)}
    for name, scale in SCALES.items():
        def kd(z, y, t, scale=scale):
            divergence = F.kl_div(F.log_softmax(z / TAU, 1), F.log_softmax(t / TAU, 1),
                                  log_target=True, reduction="batchmean")
            return scale * divergence
        out[f"kd_{name}"] = kd
    out["kd_mixed"] = lambda z, y, t: 0.3 * F.cross_entropy(z, y) + 0.7 * out["kd_tau2"](z, y, t)
    return out


def prepare(model):
    """Weights as PyTorch draws them; batch norms that have seen something."""
    model.double()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_mean"):
                value.normal_(0, 0.3)
            elif name.endswith("running_var"):
                value.uniform_(0.5, 2)
            elif name.endswith("num_batches_tracked"):
                value.fill_(7)
            elif ".bn" in "." + name or any(s in name for s in NORMS):
                value.add_(0.2 * torch.randn_like(value))
            if value.is_floating_point():
                value.copy_(held_by_fp32(value))
    return model


def steps(model, options, x, labels, teacher, noise):
    """The state after STEPS steps."""
    m = copy.deepcopy(model).train()
    sgd = torch.optim.SGD(m.parameters(), lr=LR, weight_decay=WEIGHT_DECAY, **options)
    for _ in range(STEPS):
        with torch.no_grad():
            for p in m.parameters():
                p.mul_(1 + noise * torch.randn_like(p))
        sgd.zero_grad()
        losses()["kd_tau2"](m(x), labels, teacher).backward()
        sgd.step()
    return m.state_dict()


def unlike(a, b):
    """The largest error of a tensor relative to its largest element."""
    return max(((a[k] - b[k]).abs().max() / a[k].abs().max()).item()
               for k in a if a[k].is_floating_point())


def record(path, model, x, classes, brief=False, more=None):
    """False if the weights after some steps depend on rounding. more: losses beyond losses()."""
    labels = torch.randint(0, classes, (len(x),))
    teacher = held_by_fp32(3 * torch.randn(len(x), classes, dtype=torch.float64))
    out = {"x": x, "labels": labels, "teacher_logits": teacher}
    out.update(model.state_dict())

    out["logits/eval"] = copy.deepcopy(model).eval()(x)
    wanted = {k: v for k, v in losses().items() if not brief or k in BRIEF}
    for name, loss in {**wanted, **(more or {})}.items():
        m = copy.deepcopy(model).train()
        logits = m(x)
        value = loss(logits, labels, teacher)
        value.backward()
        out["logits/train"] = logits
        out[f"loss/{name}"] = value
        out.update({f"grad/{name}/{k}": p.grad for k, p in m.named_parameters()})
    for name, options in OPTIMIZERS.items():
        if brief and name not in BRIEF:
            continue
        end = steps(model, options, x, labels, teacher, 0)
        for _ in range(TRIALS):
            if unlike(end, steps(model, options, x, labels, teacher, NOISE)) > STEADY:
                return False
        out.update({f"sgd/{name}/{k}": v for k, v in end.items()})

    store(path, out)
    return True


def store(path, out):
    arrays = {}
    for name, tensor in out.items():
        array = tensor.detach().numpy()
        arrays[name] = array.astype(numpy.int64 if array.dtype.kind == "i" else numpy.float32)
    safetensors_file.write(path, arrays)
    print(path, os.path.getsize(path), "bytes")


def record_tokens(path, model, vocabulary, rows, context):
    x = torch.randint(0, vocabulary, (rows, context))
    labels = torch.randint(-1, vocabulary, (rows, context))
    weights = torch.randint(0, 4, (rows, context)).double() / 2
    out = {"x": x, "labels": labels, "weights": weights, **model.state_dict()}

    def loss(m):
        logits = m(x)
        each = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none",
                               ignore_index=-1)
        return logits, (each * weights.flatten()).sum() / weights.sum()

    m = copy.deepcopy(model)
    out["logits/train"], out["loss/lt"] = loss(m)
    out["loss/lt"].backward()
    out.update({f"grad/lt/{k}": p.grad for k, p in m.named_parameters()})
    m = copy.deepcopy(model)
    adam = torch.optim.Adam(m.parameters(), **ADAM)
    for _ in range(STEPS):
        adam.zero_grad()
        loss(m)[1].backward()
        adam.step()
    out.update({f"adam/{k}": v for k, v in m.state_dict().items()})
    store(path, out)


def main():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
    os.makedirs(folder, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(20)

    def images(n, channels, size):
        # Levels of a byte around zero: what a loader gives.
        level = torch.randint(0, 256, (n, channels, size, size), dtype=torch.float64)
        return held_by_fp32((level / 255 - 0.5) / 0.25)

    def repeat(name, draw, classes, brief=False):
        while not record(os.path.join(folder, name), *draw(), classes, brief):
            pass

    repeat("model_cnn_32.safetensors", lambda: (prepare(VanillaCnn(4)), images(12, 3, 32)), 10)
    repeat("model_cnn_28.safetensors",
           lambda: (prepare(VanillaCnn(4, channels=1, image=28)), images(17, 1, 28)), 10)
    repeat("model_mlp.safetensors",
           lambda: (prepare(Mlp(3 * 8 * 8, [16, 12], 7)), images(17, 3, 8)), 7)
    repeat("model_resnet_basic.safetensors",
           lambda: (prepare(ResNet([1, 2], 4)), images(13, 3, 8)), 10, True)
    repeat("model_resnet_bottleneck.safetensors",
           lambda: (prepare(ResNet([1, 2], 2, bottleneck=True, imagenet=True)), images(12, 3, 32)),
           10, True)
    repeat("model_vit_omihub.safetensors",
           lambda: (prepare(Vit(8, 2, 16, 2, 4, 24)), images(17, 3, 8)), 10, True)
    repeat("model_vit_standard.safetensors",
           lambda: (prepare(Vit(8, 4, 12, 1, 3, 20, 7, omihub=False)), images(5, 3, 8)), 7, True)
    for tied in (False, True):
        name = "model_gpt_tied.safetensors" if tied else "model_gpt.safetensors"
        model = prepare(Gpt(19, 14, 16, 2, 3, 4, 24, tied))
        record_tokens(os.path.join(folder, name), model, 19, 5, 12)


if __name__ == "__main__":
    main()
