"""torch_step.py train|eval LAYOUT [--threads N] [--batch N] [--model NAME] - the PyTorch side of
torch.sh.

For each number N read from standard input it runs N steps of the model (VanillaCNN unless told
otherwise) and prints the seconds of one. LAYOUT is nchw, nhwc, or for evaluation also frozen-nchw,
frozen-nhwc: traced, frozen, batch norm folded, optimised for inference."""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parity"))

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

from torch_models import ResNet, VanillaCnn, Vit  # noqa: E402

MODELS = {"cnn": VanillaCnn, "resnet": lambda: ResNet([2, 2, 2, 2]), "vit": Vit}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["train", "eval"])
    parser.add_argument("layout", choices=["nchw", "nhwc", "frozen-nchw", "frozen-nhwc"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--model", choices=sorted(MODELS), default="cnn")
    a = parser.parse_args()

    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    model = MODELS[a.model]()
    x = torch.randn(a.batch, 3, 32, 32)
    y = torch.randint(0, 10, (a.batch,))
    if a.layout.endswith("nhwc"):
        x = x.to(memory_format=torch.channels_last)
        model = model.to(memory_format=torch.channels_last)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {a.layout}; "
          f"{sum(p.numel() for p in model.parameters())} parameters, batch {a.batch}",
          file=sys.stderr)

    if a.mode == "train":
        sgd = torch.optim.SGD(model.parameters(), lr=1e-3)

        def step():
            sgd.zero_grad(set_to_none=True)
            F.cross_entropy(model(x), y).backward()
            sgd.step()
    else:
        model.eval()
        if a.layout.startswith("frozen"):
            with torch.no_grad():
                model = torch.jit.freeze(torch.jit.trace(model, x))
                model = torch.jit.optimize_for_inference(model)

        def step():
            with torch.no_grad():
                model(x)

    for line in sys.stdin:
        steps = int(line)
        start = time.perf_counter()
        for _ in range(steps):
            step()
        print(f"{(time.perf_counter() - start) / steps:.9f}", flush=True)


main()
