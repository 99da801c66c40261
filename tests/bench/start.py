"""start.py BUILD - start-up time, peak memory and the share of a step that is no step; start.sh."""
import glob
import os
import sqlite3
import statistics
import sys
import tempfile
import time

from interleave import Contender

STARTS = 9
STEPS = 20  # of an epoch
EPOCHS = 5
BATCH = 256
EXPERIMENT = """[include]
path = {base}
[run]
role = teacher
checkpoint = {checkpoint}
[data]
n_teacher = {images}
flip = true
[model]
plugin = cnn
[objective]
plugin = lt
[train]
batch = {batch}
epochs = {epochs}
warmup_epochs = 0
[seed]
master = {seed}
"""


def run(build, folder, seed, images, epochs, checkpoint):
    """One training: (start of its process, [(step, time) of each epoch], peak bytes)."""
    experiment = os.path.join(folder, "bench.ini")
    database = os.path.join(folder, "bench.db")
    with open(experiment, "w", encoding="utf-8") as f:
        f.write(EXPERIMENT.format(base=os.path.abspath("experiments/base/cifar10.ini"), seed=seed,
                                  images=images, epochs=epochs, batch=BATCH, checkpoint=checkpoint))
    program = os.path.join(build, "core/app/kappa")
    started = time.time()
    pid = os.posix_spawn(program, [program, "run", experiment, "--db", database, "--threads", "2",
                                   "--quiet"], os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        raise SystemExit(f"kappa run ended with status {os.waitstatus_to_exitcode(status)}")
    with sqlite3.connect(database) as db:
        points = db.execute(
            "SELECT step, time FROM point WHERE key = (SELECT id FROM metric_key"
            " WHERE name = 'train/loss') AND run = (SELECT id FROM run WHERE seed = ?)"
            " ORDER BY step", (seed,)).fetchall()
    return started, points, 1024 * usage.ru_maxrss


def main():
    build = sys.argv[1]
    sys.stdout.reconfigure(line_buffering=True)
    data = sum(os.path.getsize(p) for p in
               glob.glob(os.path.join(os.environ["KAPPA_DATA"], "**", "*_batch*.bin"),
                         recursive=True))
    with tempfile.TemporaryDirectory() as folder:
        first = []
        for seed in range(1, STARTS + 1):
            started, points, _ = run(build, folder, seed, BATCH, 1, 60)
            if seed > 1:  # the first one fills the page cache and makes the database
                first.append(points[0][1] - started)

        bench = Contender("step", [os.path.join(build, "tests/bench/step_bench"), "--bare",
                                   "train"], False, 2)
        bench.run(STEPS // 4)
        bare, real = [], []
        for turn in range(3):
            bare.append(bench.run(2 * STEPS))
            _, points, peak = run(build, folder, STARTS + 1 + turn, STEPS * BATCH, EPOCHS, 10)
            real += [(b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(points, points[1:])]
        bench.close()
        step, whole = statistics.median(bare), statistics.median(real)
        start = [t - step for t in first]
        print(f"process start to the first step: {1e3 * statistics.median(start):.1f} ms"
              f" [{1e3 * min(start):.1f} to {1e3 * max(start):.1f}], from the end of that step"
              " less a bare step")
        print(f"peak memory at batch {BATCH}: {peak / 1e6:.0f} MB, of which the data set's files"
              f" are {data / 1e6:.0f} MB")
        print(f"bare step {1e3 * step:.2f} ms [{1e3 * min(bare):.2f} to {1e3 * max(bare):.2f}],"
              f" step of a run {1e3 * whole:.2f} ms [{1e3 * min(real):.2f} to"
              f" {1e3 * max(real):.2f}]: loader, database and checkpoints are"
              f" {100 * (whole - step) / whole:.1f} % of it")


main()
