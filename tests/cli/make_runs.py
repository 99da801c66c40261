"""A run database of two small invented studies, for the queries of experiments/sql.

usage: make_runs.py SCHEMA.sql OUT.db

A teacher and students of lt and kd (tau 20) at four kappas with two seeds: kd gains at small kappa
and loses at large, one student has failed, one is lost, one was never begun. Then a student of text
with lt and kd, its perplexity at three kappas of one curve.
"""
import math
import sqlite3
import sys

KAPPAS = (0.1, 0.5, 1, 2)
SEEDS = (11, 13)
METRICS = (("test/accuracy", "%"), ("test/agreement", "%"), ("train/accuracy", "%"),
           ("train/loss", "nats"), ("test/perplexity", ""))
GAIN = {0.1: 8.0, 0.5: 3.0, 1: 0.5, 2: -1.5}

db = sqlite3.connect(sys.argv[2])
with open(sys.argv[1], encoding="utf-8") as f:
    db.executescript(f.read())
db.executemany("INSERT INTO metric_key (name, unit, higher_is_better) VALUES (?, ?, ?)",
               [(name, unit, int(unit == "%")) for name, unit in METRICS])
db.execute("INSERT INTO sweep (experiment, sha256, text, created) VALUES ('small.ini', 's', '', 0)")
count = 0


def run(objective, kappa, seed, status="done", why=None, teacher=None):
    global count
    count += 1
    begun = 1e9 + 100 * count
    tau = 20 if objective == "kd" else None
    db.execute(
        "INSERT INTO run (id, uid, kind, name, status, config_hash, pair_hash, group_hash, "
        "teacher_run, dataset, model, objective, teacher, kappa, m, n, tau, seed, attempt, step, "
        "steps, samples, host, boot, pid, pid_start, heartbeat, created, finished, error, ini) "
        "VALUES (?, ?, 'train', ?, ?, ?, ?, ?, ?, 'patterns', 'mlp', ?, ?, ?, ?, 1000, ?, ?, 1, ?, "
        "100, 6400, 'host', 'boot', 40, 1, ?, ?, ?, ?, '')",
        (count, f"{count:026d}", "small" if teacher else "teacher", status, f"c{count}",
         f"p {kappa} {seed} {teacher}", f"g {objective} {kappa} {teacher}", teacher, objective,
         teacher and "mlp", kappa, int(1000 * kappa), tau, seed, 100 if status == "done" else 40,
         begun + 36, begun, begun + 36 if status == "done" else None,
         why if status == "failed" else None))
    db.execute("INSERT INTO param VALUES (?, 'run.role', ?, NULL, 'default')",
               (count, "student" if teacher else "teacher"))
    db.execute("INSERT INTO attempt (run, attempt, started, finished, host, pid, device, threads, "
               "versions) VALUES (?, 1, ?, ?, 'host', 40, 'cpu', 2, 'kappa')",
               (count, begun, begun + 36))
    db.execute("INSERT INTO run_plugin VALUES (?, 'objective', ?, ?, 'x.so', ?, 1, 0)",
               (count, objective, "2" if seed == 13 else "1", f"{objective}-{seed == 13}"))
    db.execute("INSERT INTO point VALUES (?, 4, 100, 1.0, NULL, 6400, ?, ?)",
               (count, 1e9 * kappa * (1.25 if objective == "kd" else 1), begun + 30))
    if why:
        db.execute("INSERT INTO event (run, time, kind, text) VALUES (?, ?, ?, ?)",
                   (count, begun + 36, status, why))
    if teacher:
        db.execute("INSERT INTO sweep_run VALUES (1, ?)", (count,))
    if status != "done":
        return count
    gain = GAIN[kappa] if objective == "kd" else 0
    accuracy = 40 + 20 * kappa / (1 + kappa) + gain + (0.5 if seed == 13 else -0.25 * kappa)
    for key, value in ((1, accuracy), (2, accuracy + gain / 2 + 3), (3, accuracy + 4 / kappa)):
        db.execute("INSERT INTO result (run, key, split, kappa, samples, step, value) "
                   "VALUES (?, ?, ?, ?, 6400, 100, ?)",
                   (count, key, "train" if key == 3 else "test", kappa, value))
    return count


teacher = run("lt", 1, 7)
for kappa in KAPPAS:
    for seed in SEEDS:
        run("lt", kappa, seed, teacher=teacher)
        if (kappa, seed) == (2, 13):
            continue
        if (kappa, seed) == (1, 13):
            run("kd", kappa, seed, "failed", "loss is NaN at step 40", teacher)
        elif (kappa, seed) == (0.5, 13):
            run("kd", kappa, seed, "lost", "process 40 on host is gone", teacher)
        else:
            run("kd", kappa, seed, teacher=teacher)


def curve(objective, seed):
    run_id = run(objective, 1, seed, teacher=teacher)
    db.execute("DELETE FROM result WHERE run = ?", (run_id,))
    db.execute("UPDATE run SET name = 'books', dataset = 'languini', model = 'gpt', pair_hash = ?, "
               "group_hash = ? WHERE id = ?", (f"p books {seed}", f"g books {objective}", run_id))
    for kappa in (0.25, 0.5, 1):
        loss = 2 + 1 / (1 + kappa) - (0.1 if objective == "kd" else 0) + seed / 1000
        db.execute("INSERT INTO result (run, key, split, kappa, samples, step, value) "
                   "VALUES (?, 5, 'test', ?, ?, ?, ?)",
                   (run_id, kappa, int(6400 * kappa), int(100 * kappa), math.exp(loss)))


for seed in SEEDS:
    for objective in ("lt", "kd"):
        curve(objective, seed)
db.commit()
