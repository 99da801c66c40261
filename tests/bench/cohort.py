"""cohort.py BUILD [cnn|resnet] - see cohort.sh."""
import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile

from interleave import Contender

BATCH = 128
EPOCHS = 3
OBJECTIVES = ["lt", "ls", "hardkd", "l2"] + [f"kd {tau}" for tau in (1, 3, 5, 10, 20)]
LEARNERS = len(OBJECTIVES) - 2  # that ask the teacher
STEPS = {"cnn": 8, "resnet": 3}  # of an epoch
HERE = os.path.dirname(os.path.abspath(__file__))

COMMON = """[include]
path = {base}
[data]
n_teacher = {images}
test_limit = 128
flip = true
[train]
batch = {batch}
warmup_epochs = 0
lr = 0.01
"""
TEACHER = """[include]
path = common.ini
[run]
role = teacher
[model]
plugin = {model}
[objective]
plugin = lt
[train]
epochs = 1
"""
STUDENTS = """[include]
path = common.ini
[model]
plugin = cnn
[train]
epochs = {epochs}
[teacher]
experiment = teacher.ini
[sweep]
objective.plugin = lt, ls, hardkd, l2, kd
objective.kd.tau = 1, 3, 5, 10, 20
"""


class Bench:
    def __init__(self, build, folder, teacher, threads):
        self.program = os.path.join(build, "core/app/kappa")
        self.folder = folder
        self.threads = threads
        self.seed = 0
        images = STEPS[teacher] * BATCH
        self.write("common.ini", COMMON.format(base=os.path.abspath("experiments/base/cifar10.ini"),
                                               images=images, batch=BATCH))
        self.write("teacher.ini", TEACHER.format(model=teacher))
        self.write("students.ini", STUDENTS.format(epochs=EPOCHS))
        self.kappa("teacher.ini")

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
            f.write(text)

    def kappa(self, experiment, *settings):
        words = [self.program, "run", os.path.join(self.folder, experiment), "--db",
                 os.path.join(self.folder, "bench.db"), "--threads", str(self.threads), "--quiet"]
        for s in settings:
            words += ["--set", s]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)

    def steps(self, mode, cohort):
        """Seconds of a step of each of the nine runs, all new."""
        self.seed += 1
        self.kappa("students.ini", f"teacher.mode={mode}", f"run.cohort={cohort}",
                   f"seed.master={self.seed}")
        with sqlite3.connect(os.path.join(self.folder, "bench.db")) as db:
            rows = db.execute(
                "SELECT r.objective || coalesce(' ' || CAST(r.tau AS INTEGER), ''), p.step, p.time"
                " FROM point p JOIN run r ON r.id = p.run JOIN metric_key k ON k.id = p.key"
                " WHERE k.name = 'train/loss' AND r.seed = ? AND r.steps > ?"
                " ORDER BY r.id, p.step", (self.seed, STEPS["resnet"])).fetchall()
        times = {}
        for name, step, time in rows:
            times.setdefault(name.replace("ls 1", "ls"), []).append((step, time))
        return {name: statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(p, p[1:]))
                for name, p in times.items()}


def torch_steps(model, threads):
    """(training step of a student, forward pass of the teacher) in PyTorch's faster layout."""
    python = "/usr/bin/python3"
    if subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode:
        return None

    def fastest(mode, name):
        best = None
        for layout in ("nchw", "nhwc"):
            c = Contender(name, [python, "-B", os.path.join(HERE, "torch_step.py"), mode, layout,
                                 "--threads", str(threads), "--batch", str(BATCH),
                                 "--model", name], True, threads)
            c.run(1)
            seconds = statistics.median(c.run(3) for _ in range(3))
            best = seconds if best is None else min(best, seconds)
            c.close()
        return best

    return fastest("train", "cnn"), fastest("eval", model)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("teacher", nargs="?", choices=sorted(STEPS), default="cnn")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=2)
    a = parser.parse_args()

    sys.stdout.reconfigure(line_buffering=True)
    print(f"nine VanillaCNN students, teacher {a.teacher}, batch {BATCH}, {a.threads} threads, "
          f"load {os.getloadavg()[0]:.2f}")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(a.build, folder, a.teacher, a.threads)
        for turn in range(a.rounds):
            order = [(m, c) for m in ("table", "live") for c in ("off", "auto")]
            for mode, cohort in order if turn % 2 == 0 else order[::-1]:
                found.setdefault((mode, cohort), []).append(bench.steps(mode, cohort))

    def each(mode, cohort):
        turns = found[mode, cohort]
        assert all(len(t) == len(OBJECTIVES) for t in turns), turns
        return {name: statistics.median(t[name] for t in turns) for name in turns[0]}

    table = each("table", "off")
    live = each("live", "off")
    learners = [name for name in table if name not in ("lt", "ls")]
    forward = statistics.median(live[name] - table[name] for name in learners)
    print(f"a student's step {1e3 * statistics.median(table.values()):.2f} ms, "
          f"the teacher's forward pass {1e3 * forward:.2f} ms")
    summary = []
    for mode, alone, unshared in (("table", table, 0), ("live", live, forward)):
        cohort = statistics.median(each(mode, "auto").values())
        ratio = sum(alone.values()) / cohort
        ideal = sum(alone.values()) / (sum(table.values()) + unshared)
        print(f"{mode}: nine steps {1e3 * sum(alone.values()):.1f} ms, the cohort's "
              f"{1e3 * cohort:.1f} ms")
        summary.append(f"{mode}_ratio={ratio:.2f} {mode}_ideal={ideal:.2f} "
                       f"{mode}_share={ratio / ideal:.2f}")
    theirs = torch_steps(a.teacher, a.threads)
    if theirs:
        nine = len(OBJECTIVES) * theirs[0] + LEARNERS * theirs[1]
        print(f"PyTorch, nine runs with a live teacher: {1e3 * nine:.1f} ms for the nine steps, "
              f"{nine / statistics.median(each('live', 'auto').values()):.2f} times the cohort's")
    else:
        print("PyTorch: skipped: /usr/bin/python3 has no torch (Debian: python3-torch)")
    for line in summary:
        print(line)


main()
