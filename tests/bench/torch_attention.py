"""torch_attention.py WAY [--causal] [--threads N] - the PyTorch side of torch.sh --model attention.

For each number N read from standard input: N times attention, forward and backward, of 4 sequences
with 8 heads, 512 tokens, 64 numbers a head; prints the seconds of one. WAY is sdpa, PyTorch's own
function, where it has one; matmul, its parts one by one; or batched, the parts with the scale in
the first product."""
import argparse
import sys
import time

import torch
import torch.nn.functional as F

SHAPE = (4, 8, 512, 64)
SCALE = SHAPE[3] ** -0.5


def sdpa(q, k, v, mask):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=mask is not None)
    return F._scaled_dot_product_attention(q, k, v, is_causal=mask is not None)[0]


def matmul(q, k, v, mask):
    scores = (q * SCALE) @ k.transpose(-2, -1)
    if mask is not None:
        scores = scores + mask
    return torch.softmax(scores, -1) @ v


def batched(q, k, v, mask):
    q, k, v = (x.flatten(0, 1) for x in (q, k, v))
    start = mask if mask is not None else q.new_zeros(())
    scores = torch.baddbmm(start, q, k.transpose(1, 2), beta=0 if mask is None else 1, alpha=SCALE)
    return torch.bmm(torch.softmax(scores, -1), v).view(SHAPE)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=["sdpa", "matmul", "batched"])
    parser.add_argument("--causal", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()

    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    q, k, v = (torch.randn(SHAPE, requires_grad=True) for _ in range(3))
    dy = torch.randn(SHAPE)
    mask = torch.full((SHAPE[2], SHAPE[2]), float("-inf")).triu(1) if a.causal else None
    way = {"sdpa": sdpa, "matmul": matmul, "batched": batched}[a.way]
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {a.way}", file=sys.stderr)

    for line in sys.stdin:
        steps = int(line)
        start = time.perf_counter()
        for _ in range(steps):
            q.grad = k.grad = v.grad = None
            way(q, k, v, mask).backward(dy)
        print(f"{(time.perf_counter() - start) / steps:.9f}", flush=True)


main()
