"""torch_models.py - the PyTorch modules that kappa's models are the equivalent of, same names."""
import torch.nn as nn


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
