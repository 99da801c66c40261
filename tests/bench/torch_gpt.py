"""torch_gpt.py [--threads N] [--objective lt|kd] [--loss] - the PyTorch side of torch.sh --model
gpt: training steps of the study's smallest GPT with Adam, 4 sequences of 512 tokens, a vocabulary
of 16 384.

For each number N read from standard input it runs N steps and prints the seconds of one. kd: a
teacher of the same size sees the tokens first. --loss: the loss of given logits and its gradient
alone."""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parity"))

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

from torch_models import Gpt  # noqa: E402

BATCH, TOKENS, VOCABULARY, TAU = 4, 512, 16384, 20.0


def mini():
    return Gpt(VOCABULARY, TOKENS, width=512, depth=4, heads=8, head_width=32, mlp=2048)


def loss(z, t, y):
    """Of rows of logits; t: the teacher's, or None."""
    if t is None:
        return F.cross_entropy(z, y)
    with torch.no_grad():
        t = F.log_softmax(t / TAU, 1)
    return TAU**2 * F.kl_div(F.log_softmax(z / TAU, 1), t, log_target=True, reduction="batchmean")


def model_step(taught):
    model = mini()
    teacher = mini().eval() if taught else None
    adam = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.95))
    x = torch.randint(0, VOCABULARY, (BATCH, TOKENS))
    y = torch.randint(0, VOCABULARY, (BATCH * TOKENS,))

    def step():
        adam.zero_grad(set_to_none=True)
        with torch.no_grad():
            t = teacher(x).flatten(0, 1) if taught else None
        loss(model(x).flatten(0, 1), t, y).backward()
        adam.step()

    return step


def loss_step(taught):
    z = torch.randn(BATCH * TOKENS, VOCABULARY, requires_grad=True)
    t = torch.randn(BATCH * TOKENS, VOCABULARY) if taught else None
    y = torch.randint(0, VOCABULARY, (BATCH * TOKENS,))

    def step():
        z.grad = None
        loss(z, t, y).backward()

    return step


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--objective", choices=["lt", "kd"], default="lt")
    parser.add_argument("--loss", action="store_true")
    a = parser.parse_args()

    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    step = (loss_step if a.loss else model_step)(a.objective == "kd")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads", file=sys.stderr)
    for line in sys.stdin:
        steps = int(line)
        start = time.perf_counter()
        for _ in range(steps):
            step()
        print(f"{(time.perf_counter() - start) / steps:.9f}", flush=True)


main()
