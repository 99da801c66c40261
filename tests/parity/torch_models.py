"""torch_models.py - the PyTorch modules that kappa's models are the equivalent of, same names."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class VanillaCnn(nn.Module):
    """Four blocks of 3x3 convolution, batch norm, ReLU; from the second on a max-pool of 2; then
    a max-pool of what is left and one linear layer."""

    def __init__(self, width=20, classes=10, channels=3, image=32):
        super().__init__()
        before = channels
        for i in range(4):
            after = width << i
            setattr(self, f"conv{i}", nn.Conv2d(before, after, 3, padding=1))
            setattr(self, f"bn{i}", nn.BatchNorm2d(after))
            before = after
        self.relu = nn.ReLU(inplace=True)
        self.halve = nn.MaxPool2d(2)
        self.rest = nn.MaxPool2d(image // 8)
        self.head = nn.Linear(before, classes)

    def forward(self, x):
        for i in range(4):
            x = self.relu(getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x)))
            if i > 0:
                x = self.halve(x)
        return self.head(self.rest(x).flatten(1))


class Mlp(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, inputs, hidden, classes=10):
        super().__init__()
        sizes = [inputs, *hidden, classes]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, or 1x1, 3x3 and 1x1 around fewer channels."""

    def __init__(self, before, width, stride, bottleneck):
        super().__init__()
        after = 4 * width if bottleneck else width
        sizes = [1, 3, 1] if bottleneck else [3, 3]
        channels = [before, width, width, after] if bottleneck else [before, width, after]
        strided = 1 if bottleneck else 0
        self.parts = len(sizes)
        for i, size in enumerate(sizes):
            setattr(self, f"conv{i + 1}", nn.Conv2d(
                channels[i], channels[i + 1], size, stride if i == strided else 1, size // 2,
                bias=False))
            setattr(self, f"bn{i + 1}", nn.BatchNorm2d(channels[i + 1]))
        self.downsample = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False),
                                            nn.BatchNorm2d(after))

    def forward(self, x):
        y = x
        for i in range(1, self.parts + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            if i < self.parts:
                y = y.relu()
        return (y + (self.downsample(x) if self.downsample else x)).relu()


class ResNet(nn.Module):
    """torchvision's names."""

    def __init__(self, blocks, width=64, classes=10, bottleneck=False, imagenet=False):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7 if imagenet else 3, 2 if imagenet else 1,
                               3 if imagenet else 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.pool = nn.MaxPool2d(3, 2, 1) if imagenet else nn.Identity()
        before = width
        for i, count in enumerate(blocks):
            stage = nn.Sequential()
            for k in range(count):
                stage.append(ResidualBlock(before, width << i, 2 if i > 0 and k == 0 else 1,
                                           bottleneck))
                before = (width << i) * (4 if bottleneck else 1)
            setattr(self, f"layer{i + 1}", stage)
        self.stages = len(blocks)
        self.fc = nn.Linear(before, classes)

    def forward(self, x):
        x = self.pool(self.bn1(self.conv1(x)).relu())
        for i in range(1, self.stages + 1):
            x = getattr(self, f"layer{i}")(x)
        return self.fc(x.mean((2, 3)))


class Attention(nn.Module):
    """Separate linear layers for queries, keys, values and the result."""

    def __init__(self, width, heads, divide_by, names="q k v o", causal=False, inner=None):
        super().__init__()
        self.heads, self.divide_by, self.causal = heads, divide_by, causal
        self.names = names.split()
        inner = inner or width
        for name in self.names[:3]:
            setattr(self, name, nn.Linear(width, inner))
        setattr(self, self.names[3], nn.Linear(inner, width))

    def forward(self, x):
        split = lambda y: y.unflatten(2, (self.heads, -1)).transpose(1, 2)
        q, k, v = (split(getattr(self, name)(x)) for name in self.names[:3])
        a = q @ k.transpose(2, 3) / math.sqrt(self.divide_by)
        if self.causal:
            n = x.shape[1]
            a = a.masked_fill(torch.ones(n, n).triu(1).bool(), -math.inf)
        return getattr(self, self.names[3])((a.softmax(-1) @ v).transpose(1, 2).flatten(2))


class Encoder(nn.Module):
    def __init__(self, width, heads, mlp, omihub):
        super().__init__()
        self.la1 = nn.LayerNorm(width)
        self.msa = Attention(width, heads, width if omihub else width // heads)
        self.la2 = nn.LayerNorm(width)
        last = nn.GELU() if omihub else nn.Identity()
        self.mlp = nn.Sequential(nn.Linear(width, mlp), nn.GELU(), nn.Identity(),
                                 nn.Linear(mlp, width), last)

    def forward(self, x):
        x = self.msa(self.la1(x)) + x
        return self.mlp(self.la2(x)) + x


class Vit(nn.Module):
    """The names of the 6.3M network of the study."""

    def __init__(self, image=32, patch=4, width=384, depth=7, heads=12, mlp=384, classes=10,
                 omihub=True):
        super().__init__()
        self.patch = patch
        self.cls_token = nn.Parameter(torch.randn(1, 1, width))
        self.pos_emb = nn.Parameter(torch.randn(1, (image // patch) ** 2 + 1, width))
        self.emb = nn.Linear(patch * patch * 3, width)
        self.enc = nn.Sequential(*(Encoder(width, heads, mlp, omihub) for _ in range(depth)))
        self.fc = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, classes))

    def forward(self, x):
        n, c, h, w = x.shape
        p = self.patch
        x = x.reshape(n, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1)
        x = x.reshape(n, -1, p * p * c)
        x = torch.cat([self.cls_token.expand(n, -1, -1), self.emb(x)], 1) + self.pos_emb
        return self.fc(self.enc(x)[:, 0])


class GptLayer(nn.Module):
    def __init__(self, width, heads, head_width, mlp):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads, head_width, "linear_Q linear_K linear_V linear_O",
                              causal=True, inner=heads * head_width)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, mlp), "c_proj": nn.Linear(mlp, width)})

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        h = F.gelu(self.mlp["c_fc"](self.ln2(x)), approximate="tanh")
        return x + self.mlp["c_proj"](h)


class Gpt(nn.Module):
    """The names of languini-kitchen's project gpt."""

    def __init__(self, vocabulary, context, width, depth, heads, head_width, mlp, tied=False):
        super().__init__()
        self.input_embedding = nn.Embedding(vocabulary, width)
        self.position_embedding = nn.Embedding(context, width)
        self.layers = nn.Sequential(*(GptLayer(width, heads, head_width, mlp)
                                      for _ in range(depth)))
        self.ln_f = nn.LayerNorm(width)
        self.linear = None if tied else nn.Linear(width, vocabulary, bias=False)

    def forward(self, ids):
        table = self.input_embedding
        x = table(ids) * math.sqrt(table.embedding_dim)
        x = self.layers(x + self.position_embedding.weight[:ids.shape[1]])
        return F.linear(self.ln_f(x), self.linear.weight if self.linear else table.weight)
