"""torch_compare.py FOLDER - a model, or attention, in kappa and in PyTorch, see torch.sh."""
import argparse
import os
import platform
import subprocess
import sys

from interleave import Contender, measure, ratio

HERE = os.path.dirname(os.path.abspath(__file__))


def version(python):
    try:
        out = subprocess.run([python, "-c", "import torch; print(torch.__version__)"],
                             capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return out.stdout.strip() if out.returncode == 0 else None


def pythons():
    """(python, version of its torch): the system's first, then others with another version."""
    found = []
    for folder in ["/usr/bin", *os.environ.get("PATH", "").split(os.pathsep)]:
        path = os.path.join(folder, "python3")
        if os.access(path, os.X_OK):
            its = version(path)
            if its and its not in [v for _, v in found]:
                found.append((path, its))
    return found


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def race(mode, layouts, python, a, untuned):
    """Kappa and PyTorch's layouts in one interleaved run: (kappa, tuned ones, untuned ones)."""
    def torch(layout, tuned):
        name = f"PyTorch {layout}{'' if tuned else ', malloc as it comes'}"
        return Contender(name, [python, "-B", os.path.join(HERE, "torch_step.py"), mode, layout,
                                "--threads", str(a.threads), "--batch", str(a.batch),
                                "--model", a.model],
                         tuned, a.threads)

    ours = Contender("kappa", [os.path.join(a.folder, "step_bench"),
                               "--threads", str(a.threads), "--batch", str(a.batch),
                               "--model", a.model, mode], False, a.threads)
    tuned = [torch(layout, True) for layout in layouts]
    plain = [torch(layout, False) for layout in layouts] if untuned else []
    measure([ours, *tuned, *plain], a.rounds, a.steps * (1 if mode == "train" else 4))
    return ours, tuned, plain


def fastest(contenders):
    return min(contenders, key=lambda c: c.median)


def shown(what, other, ours):
    middle, low, high = ratio(other, ours)
    print(f"  {what}: {middle:.2f} [{low:.2f} to {high:.2f}] against {other.name}")
    return middle


def compare(python, its, a):
    print(f"{a.model}: training, batch {a.batch}, {a.threads} threads, fp32; PyTorch {its}; "
          f"medians of {a.rounds} turns of {a.steps} steps")
    ours, tuned, plain = race("train", ["nchw", "nhwc"], python, a, True)
    train = shown("training", fastest(tuned), ours)
    untuned = shown("training, untuned", fastest(plain), ours)
    print(f"evaluation, PyTorch {its}; turns of {4 * a.steps} batches")
    ours, tuned, _ = race("eval", ["nchw", "nhwc", "frozen-nchw", "frozen-nhwc"], python, a, False)
    evaluation = shown("evaluation", fastest(tuned), ours)
    return f"train_ratio={train:.2f} eval_ratio={evaluation:.2f} untuned_ratio={untuned:.2f}"


def compare_attention(python, its, a):
    """The worse of the ratios with and without causal mask."""
    ratios = []
    for mask in [[], ["--causal"]]:
        print(f"attention{' causal' if mask else ''}: forward and backward, 32 heads x 512 x 64, "
              f"{a.threads} threads, fp32; PyTorch {its}; medians of {a.rounds} turns")
        options = [*mask, "--threads", str(a.threads)]
        ours = Contender("kappa", [os.path.join(a.folder, "attention_bench"), *options], False,
                         a.threads)
        theirs = [Contender(f"PyTorch {way}",
                            [python, "-B", os.path.join(HERE, "torch_attention.py"), way, *options],
                            True, a.threads) for way in ["sdpa", "matmul", "batched"]]
        measure([ours, *theirs], a.rounds, a.steps)
        ratios.append(shown("training", fastest(theirs), ours))
    return f"train_ratio={min(ratios):.2f} full_ratio={ratios[0]:.2f} causal_ratio={ratios[1]:.2f}"


def compare_gpt(python, its, a):
    """Steps from labels and from a teacher of the same size, and the loss alone."""
    ratios = {}
    for objective in ["lt", "kd"]:
        for part in ["step", "loss"]:
            print(f"gpt, {objective}: {part}, 4 x 512 tokens, vocabulary 16 384, {a.threads} "
                  f"threads, fp32; PyTorch {its}; medians of {a.rounds} turns of {a.steps}")
            options = ["--threads", str(a.threads), "--objective", objective]
            ours = Contender("kappa", [os.path.join(a.folder, "gpt_bench" if part == "step"
                                                    else "loss_bench"), *options],
                             False, a.threads)
            theirs = Contender("PyTorch", [python, "-B", os.path.join(HERE, "torch_gpt.py"),
                                           *options, *(["--loss"] if part == "loss" else [])],
                               True, a.threads)
            measure([ours, theirs], a.rounds, a.steps)
            ratios[f"{objective}_{part}_ratio"] = shown(part, theirs, ours)
            if part == "step":
                ratios[f"{objective}_memory_ratio"] = theirs.peak / ours.peak
                print(f"  most memory: {ours.peak} MiB, PyTorch {theirs.peak} MiB")
    return " ".join(f"{name}={value:.2f}" for name, value in ratios.items())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, help="default: 7, 3 for resnet, vit and gpt")
    parser.add_argument("--steps", type=int,
                        help="of a turn; default: 8, 2 for resnet, vit and gpt")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, help="default: 256 for cnn, else 128")
    parser.add_argument("--model", choices=["cnn", "resnet", "vit", "gpt", "attention"],
                        default="cnn")
    a = parser.parse_args()
    a.batch = a.batch or (256 if a.model == "cnn" else 128)
    slow = a.model in ("resnet", "vit", "gpt")  # seconds a step
    a.rounds = a.rounds or (3 if slow else 7)
    a.steps = a.steps or (2 if slow else 8)

    sys.stdout.reconfigure(line_buffering=True)
    found = pythons()
    if not found:
        raise SystemExit("torch.sh: no python3 with torch (Debian: python3-torch)")
    load = os.getloadavg()[0]
    print(f"{processor()}, {os.cpu_count()} processors, load {load:.2f}")
    if load > 0.5:
        print("the machine is busy: these figures do not count")
    contest = {"attention": compare_attention, "gpt": compare_gpt}.get(a.model, compare)
    results = [(its, contest(python, its, a)) for python, its in found]
    for its, line in results[1:]:
        print(f"PyTorch {its}: {line}")
    print(results[0][1])


main()
