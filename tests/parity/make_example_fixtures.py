#!/usr/bin/env python3
"""make_example_fixtures.py - writes fixtures/example_*.safetensors: what PyTorch makes of the
models and the objective of plugins/examples. As make_model_fixtures.py, brief, with the loss `dkd`
beside."""
import os

import torch
import torch.nn.functional as F
from torch import nn

from make_model_fixtures import held_by_fp32, prepare, record

ALPHA, BETA, TAU, LABEL_WEIGHT = 2.0, 3.0, 4.0, 0.5


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, tokens, width, token_mlp, channel_mlp):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens, self.channels = Mlp(tokens, token_mlp), Mlp(width, channel_mlp)

    def forward(self, x):
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self, image, patch, width, depth, token_mlp, channel_mlp, classes):
        super().__init__()
        self.patch = patch
        self.embed = nn.Linear(3 * patch * patch, width)
        self.blocks = nn.ModuleList(Block((image // patch) ** 2, width, token_mlp, channel_mlp)
                                    for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        n, c, h, w = x.shape
        p = self.patch
        x = x.reshape(n, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1)
        x = self.embed(x.reshape(n, -1, p * p * c))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(1))


class GroupNormCnn(nn.Module):
    def __init__(self, channels, groups, image, classes):
        super().__init__()
        self.depth = len(channels)
        for i, (a, b) in enumerate(zip([3] + channels, channels)):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, 3, 2, 1, bias=False))
            setattr(self, f"norm{i}", nn.GroupNorm(groups, b))
            image = (image + 1) // 2
        self.head = nn.Linear(channels[-1] * image * image, classes)

    def forward(self, x):
        for i in range(self.depth):
            x = F.relu(getattr(self, f"norm{i}")(getattr(self, f"conv{i}")(x)))
        return self.head(x.flatten(1))


def dkd(z, y, t):
    """As the paper's equations 1, 5 and 6 have it, from probabilities."""
    p, q = F.softmax(z / TAU, 1), F.softmax(t / TAU, 1)
    mine = F.one_hot(y, z.shape[1]).bool()
    p_y, q_y = p[mine], q[mine]
    tckd = q_y * (q_y / p_y).log() + (1 - q_y) * ((1 - q_y) / (1 - p_y)).log()
    others = (~mine).nonzero(as_tuple=True)
    p_others = p[others].reshape(len(z), -1) / (1 - p_y)[:, None]
    q_others = q[others].reshape(len(z), -1) / (1 - q_y)[:, None]
    nckd = (q_others * (q_others / p_others).log()).sum(1)
    each = TAU * TAU * (ALPHA * tckd + BETA * nckd)
    return each.mean() + LABEL_WEIGHT * F.cross_entropy(z, y)


def shaken(model):
    """Norms that do not begin as 1 and 0."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "norm" in name:
                value.add_(0.2 * torch.randn_like(value))
    return prepare(model)


def main():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
    torch.set_num_threads(1)
    torch.manual_seed(21)

    def images(n, size):
        level = torch.randint(0, 256, (n, 3, size, size), dtype=torch.float64)
        return held_by_fp32((level / 255 - 0.5) / 0.25)

    def repeat(name, draw, classes):
        while not record(os.path.join(folder, name), *draw(), classes, True, {"dkd": dkd}):
            pass

    repeat("example_mixer.safetensors",
           lambda: (shaken(Mixer(8, 2, 12, 2, 10, 24, 10)), images(17, 8)), 10)
    repeat("example_group_norm.safetensors",
           lambda: (shaken(GroupNormCnn([6, 12], 3, 9, 7)), images(13, 9)), 7)


main()
