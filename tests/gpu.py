"""gpu.py BUILD [--quick] [--out FILE] - the work of gpu.sh, which builds first."""

import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import time

TAIL = 2000  # characters of a failed check's output that go into the report
SECONDS = 3600  # of a check, at most

# Model, batch, and of a quick look the same.
MODELS = [
    ("cnn", ["--model", "cnn"], 256, ["--options", "width=4"], 4),
    ("resnet-18", ["--model", "resnet"], 128, ["--options", "width=4;blocks=1 1"], 4),
    (
        "resnet-50",
        ["--model", "resnet", "--options", "depth=50"],
        64,
        ["--options", "width=4;blocks=1 1;block=bottleneck"],
        2,
    ),
    ("vit", ["--model", "vit"], 128, ["--options", "width=16;depth=1;heads=2;mlp=16"], 2),
]
GPTS = ["mini", "mini2", "small", "medium"]
QUICK_GPT = "width=16;depth=1;heads=2;head_width=8;mlp=16"


class Look:
    """One look at a GPU: what is said and what is kept of it."""

    def __init__(self, build, quick):
        self.build = build
        self.quick = quick
        self.report = {"quick": quick, "checks": [], "steps": []}
        self.failed = 0

    def path(self, name):
        return os.path.join(self.build, name)

    def check(self, name, command):
        """A command that ends with 0, or with 77 where it cannot run."""
        begun = time.monotonic()
        try:
            done = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
            status, text = done.returncode, done.stdout
        except subprocess.TimeoutExpired:
            status, text = None, f"not done after {SECONDS} seconds"
        verdict = {0: "passed", 77: "skipped"}.get(status, "failed")
        entry = {"name": name, "verdict": verdict, "seconds": round(time.monotonic() - begun, 1)}
        if verdict == "failed":
            self.failed += 1
            entry["command"] = command
            entry["output"] = text[-TAIL:]
        self.report["checks"].append(entry)
        print(f"{verdict:8} {name}, {entry['seconds']} s", flush=True)
        if verdict == "failed":
            print("    " + entry["output"].strip().replace("\n", "\n    "), flush=True)

    def look_at_device(self):
        """What it is and what it can do. False, after one sentence: there is none."""
        done = subprocess.run(
            [self.path("core/app/kappa"), "doctor", "--device=cuda", "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            print(done.stderr.strip() or "kappa doctor --device=cuda says nothing")
            return False
        device = json.loads(done.stdout)
        self.report["device"] = device
        print(device["what"])
        print(
            f"measured: {device['memory_bytes_per_second'] * 1e-9:.4g} GB/s of memory, "
            f"{device['product_flops_per_second'] * 1e-9:.4g} GFLOP/s of products, "
            f"{device['to_device_bytes_per_second'] * 1e-9:.4g} GB/s to the device, "
            f"{device['from_device_bytes_per_second'] * 1e-9:.4g} GB/s from it"
        )
        self.report["nvidia_smi"] = of_nvidia_smi()
        return True

    def check_all(self):
        operations = [self.path("tests/op/test_ops"), "--device", "cuda"]
        fixtures = sorted(glob.glob("tests/parity/ops/*.fixture"))
        self.check("operations", operations + (["--every", "16"] if self.quick else []))
        parity = self.path("tests/parity/test_op_parity")
        self.check("operations of PyTorch", [parity, "cuda"] + fixtures)
        for name in ["gpt"] if self.quick else ["model", "gpt", "precision", "training"]:
            self.check(f"{name} of PyTorch", [self.path(f"tests/parity/test_{name}_parity")])
        self.check("operations of plugins", [self.path("tests/unit/test_operation")])
        folders = [os.getcwd(), os.path.abspath(self.build)]
        for name in ["cohort"] if self.quick else ["cohort", "train"]:
            script = f"tests/cuda-emu/test_{name}.sh"
            program = self.path("core/app/kappa")
            self.check(f"trainings ({name})", ["sh", script, program] + folders)
        sanitizer = shutil.which("compute-sanitizer")
        if not sanitizer:
            print("skipped  compute-sanitizer: it is not there")
            return
        for tool in ["memcheck", "racecheck", "synccheck", "initcheck"]:
            self.check(
                f"compute-sanitizer {tool}",
                [sanitizer, "--tool", tool, "--error-exitcode", "9"]
                + operations
                + ["--every", "16"],
            )

    def time_step(self, name, command, batch, steps):
        """Seconds of a step, the fastest of three goes, and what it cannot be faster than."""
        try:
            done = subprocess.run(
                command + ["--device", "cuda", "--cost", "--batch", str(batch)],
                input=f"3\n{steps}\n{steps}\n{steps}\n",
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            why = done.stderr.strip().splitlines()[-1:] if done.returncode else []
        except subprocess.TimeoutExpired:
            done, why = None, [f"not done after {SECONDS} seconds"]
        entry = {"name": name, "batch": batch}
        self.report["steps"].append(entry)
        if why:
            self.failed += 1
            entry["error"] = why[0]
            print(f"failed   {name}: {why[0]}", flush=True)
            return
        lines = done.stdout.split("\n")
        flops, moved = map(float, lines[0].split())
        seconds = min(float(line) for line in lines[2:5])
        device = self.report["device"]
        arithmetic = flops / device["product_flops_per_second"]
        memory = moved / device["memory_bytes_per_second"]
        floor = max(arithmetic, memory)
        entry.update(
            seconds=seconds, flops=flops, bytes=moved, arithmetic=arithmetic, memory=memory
        )
        print(
            f"{name}, batch {batch}: {seconds * 1e3:.4g} ms; "
            f"{arithmetic * 1e3:.4g} ms of arithmetic, {memory * 1e3:.4g} ms of memory, "
            f"so {100 * floor / seconds:.3g} % of what both would allow",
            flush=True,
        )

    def time_all(self):
        steps = 1 if self.quick else 20
        bench = self.path("tests/bench/step_bench")
        for name, options, batch, quick_options, quick_batch in MODELS:
            taken = options[:2] + quick_options if self.quick else options
            for mode in ["train", "eval"]:
                self.time_step(
                    f"{name} {mode}",
                    [bench, mode] + taken,
                    quick_batch if self.quick else batch,
                    steps,
                )
        bench = self.path("tests/bench/gpt_bench")
        if self.quick:
            self.time_step("gpt train", [bench, "--options", QUICK_GPT], 1, steps)
            return
        for preset in GPTS:
            for objective in ["lt", "kd"]:
                self.time_step(
                    f"gpt {preset} {objective} train",
                    [bench, "--objective", objective, "--options", f"preset={preset}"],
                    8,
                    steps,
                )


def of_nvidia_smi():
    """The driver's own words, or None."""
    if not shutil.which("nvidia-smi"):
        return None
    asked = "name,driver_version,memory.total,clocks.max.sm,clocks.max.memory,power.limit"
    done = subprocess.run(
        ["nvidia-smi", f"--query-gpu={asked}", "--format=csv"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip().splitlines() or done.stderr.strip()


def main():
    arguments = argparse.ArgumentParser(prog="gpu.sh")
    arguments.add_argument("build")
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--out")
    a = arguments.parse_args()
    out = a.out or os.path.join(a.build, "gpu-report.json")
    # The parity programs take the device cuda where this is set.
    os.environ.setdefault(
        "KAPPA_CUDA_BACKEND", os.path.abspath(f"{a.build}/core/device/cuda/kappa-cuda.so")
    )
    look = Look(a.build, a.quick)
    if not look.look_at_device():
        return 1
    look.check_all()
    look.time_all()
    with open(out, "w", encoding="utf-8") as file:
        json.dump(look.report, file, indent=1)
    print(f"{look.failed} failed; the report is in {out}")
    return 1 if look.failed else 0


sys.exit(main())
