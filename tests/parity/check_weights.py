"""check_weights.py FOLDER - the files of write_weights.c load into the equivalent PyTorch modules
with strict=True and give the same logits."""
import sys

import torch

import safetensors_file
from torch_models import Gpt, Mlp, ResNet, VanillaCnn, Vit

MODULES = {
    "cnn": lambda: VanillaCnn(5),
    "cnn_grey": lambda: VanillaCnn(3, channels=1, image=28),
    "mlp": lambda: Mlp(3 * 8 * 8, [11, 8], 7),
    "resnet18": lambda: ResNet([2, 2, 2, 2], 3),
    "resnet50": lambda: ResNet([3, 4, 6, 3], 2, bottleneck=True, imagenet=True),
    "vit": lambda: Vit(width=24, depth=3, heads=4, mlp=20),
    "gpt": lambda: Gpt(29, 20, width=16, depth=3, heads=2, head_width=6, mlp=20),
}
STEPS = 3


def tensors(path):
    return {k: torch.from_numpy(v.copy()) for k, v in safetensors_file.read(path).items()}


def main():
    failed = 0
    for name, build in MODULES.items():
        module = build()
        weights = tensors(f"{sys.argv[1]}/{name}.safetensors")
        module.load_state_dict(weights, strict=True)
        probe = tensors(f"{sys.argv[1]}/{name}.probe.safetensors")
        with torch.no_grad():
            error = (module.eval()(probe["x"]) - probe["logits"]).abs().max().item()
        bound = 1e-5 * probe["logits"].abs().max().item()
        counters = [v.item() for k, v in weights.items() if k.endswith("num_batches_tracked")]
        fine = error <= bound and all(c == STEPS for c in counters)
        print(f"{name}: largest error of the logits {error:.2g}, bound {bound:.2g};"
              f" num_batches_tracked {counters}{'' if fine else '  WRONG'}")
        failed += not fine
    return 1 if failed else 0


sys.exit(main())
