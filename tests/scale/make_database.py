"""A made-up run database of any size, for measuring the views.

    python3 make_database.py SCHEMA.sql OUT.db [RUNS [POINTS]]

RUNS (100 000) trainings in experiments of 1 000: 10 kappas x 5 objectives x 20 seeds, each beside
a label-trained run, under one teacher for each experiment. POINTS (100) of one curve, 8 results, 2
comparisons with the teacher and 40 settings for each run; ten analyses for each experiment.
"""
import sqlite3
import sys

PER_EXPERIMENT = 1000

RUNS = """
INSERT INTO run (id, uid, kind, name, status, config_hash, pair_hash, group_hash, teacher_run,
    dataset, model, objective, teacher, kappa, m, n, tau, seed, attempt, step, steps, samples, host,
    boot, pid, pid_start, heartbeat, created, finished, error, ini)
WITH RECURSIVE number (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i + 1 < :runs),
cell AS (
    SELECT i, i / :size AS x, i % 10 AS k, i / 10 % 5 AS o, i / 50 % 20 AS s FROM number
),
kappa (k, value) AS (VALUES (0, 0.02), (1, 0.05), (2, 0.1), (3, 0.2), (4, 0.4), (5, 1.0),
    (6, 2.0), (7, 4.0), (8, 10.0), (9, 20.0)),
objective (o, name, tau) AS (VALUES (0, 'lt', NULL), (1, 'ls', 20.0), (2, 'kd', 1.0),
    (3, 'kd', 20.0), (4, 'hardkd', NULL))
SELECT :teachers + 1 + i, printf('01%024d', :teachers + i), 'train', printf('experiment%03d', x),
    CASE WHEN i % 997 = 5 THEN 'failed' WHEN i % 997 = 6 THEN 'lost' ELSE 'done' END,
    printf('c%063d', i), printf('p%063d', (x * 10 + k) * 20 + s),
    printf('g%063d', (x * 10 + k) * 5 + o), x + 1, 'cifar10', 'cnn', objective.name, 'cnn',
    kappa.value, 10000 * kappa.value, 10000, tau, s, 1, 1000, 1000, 64000, 'host',
    'boot', 4000 + i % 8, 1, 1.7e9 + 60 * i + 50, 1.7e9 + 60 * i, 1.7e9 + 60 * i + 50,
    iif(i % 997 = 5, 'loss is NaN at step 7', NULL), replace(hex(zeroblob(1000)), '00', 'x=')
FROM cell JOIN kappa USING (k) JOIN objective USING (o) ORDER BY i
"""

TEACHERS = """
INSERT INTO run (id, uid, kind, name, status, config_hash, pair_hash, group_hash, dataset, model,
    objective, kappa, m, n, seed, attempt, step, steps, samples, host, boot, pid, pid_start,
    heartbeat, created, finished, ini)
WITH RECURSIVE number (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i + 1 < :teachers)
SELECT i + 1, printf('00%024d', i), 'train', printf('experiment%03d-teacher', i), 'done',
    printf('tc%062d', i), printf('tp%062d', i), printf('tg%062d', i), 'cifar10', 'cnn', 'lt', 1,
    10000, 10000, 7, 1, 1000, 1000, 64000, 'host', 'boot', 4000, 1, 1.7e9, 1.7e9, 1.7e9, '[model]'
FROM number
"""

# Ten of each experiment, of twenty runs each.
ANALYSES = """
INSERT INTO run (id, uid, kind, name, status, config_hash, pair_hash, group_hash, teacher_run,
    dataset, model, objective, teacher, kappa, seed, attempt, host, boot, pid, pid_start, heartbeat,
    created, finished, ini)
WITH RECURSIVE number (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number
    WHERE i + 1 < 10 * :teachers)
SELECT :teachers + :runs + 1 + i, printf('02%024d', i), 'analysis', 'cka', 'done',
    printf('ac%062d', i), printf('ap%062d', i), printf('ag%062d', i), i / 10 + 1, 'cifar10', 'cnn',
    'lt', 'cnn', 1, 0, 1, 'host', 'boot', 4000, 1, 1.8e9, 1.8e9, 1.8e9, '[analysis.cka]'
FROM number
"""

KEYS = [("test/accuracy", "%", 1), ("test/agreement", "%", 1), ("test/kl", "nats", 0),
        ("test/hellinger", "", 0), ("train/accuracy", "%", 1), ("train/agreement", "%", 1),
        ("train/kl", "nats", 0), ("train/hellinger", "", 0), ("train/loss", "nats", 0),
        ("test/cka", "", 1)]

REST = [
    """INSERT INTO attempt (run, attempt, started, finished, host, pid, device, threads, versions)
    SELECT id, 1, created, finished, host, pid, 'cpu avx2', 2, 'kappa' FROM run""",
    """INSERT INTO result (run, key, split, kappa, samples, step, value)
    SELECT r.id, k.id, substr(k.name, 1, instr(k.name, '/') - 1), r.kappa, r.samples, r.step,
        40 + 20 * r.kappa / (1 + r.kappa) + (r.id * 7919 % 1000) / 500.0 + k.id
    FROM run r CROSS JOIN metric_key k WHERE k.id <= 8 AND r.status = 'done'""",
    """INSERT INTO pairwise (run_a, run_b, key, split, estimator, kappa, n, value)
    SELECT r.id, r.teacher_run, k.id, 'test', '', r.kappa, 10000, 60 + r.id % 30
    FROM run r CROSS JOIN metric_key k
    WHERE k.id IN (2, 3) AND r.status = 'done' AND r.teacher_run NOT NULL""",
    """INSERT INTO sweep (id, experiment, sha256, text, created)
    SELECT id, printf('experiments/%03d/small.ini', id), printf('%064d', id), '', 1.7e9
    FROM run WHERE teacher_run IS NULL""",
    "INSERT INTO sweep_run (sweep, run) SELECT teacher_run, id FROM run WHERE teacher_run NOT NULL",
    """INSERT INTO subject (analysis, run)
    SELECT a.id, r.id FROM run a CROSS JOIN run r ON r.teacher_run = a.teacher_run
    WHERE a.kind = 'analysis' AND r.kind = 'train' AND r.id % 50 = a.id % 10""",
    """INSERT OR IGNORE INTO result (run, key, split, kappa, samples, step, value, analysis)
    SELECT r.id, 10, 'test', r.kappa, 64000, 1000, 0.5, s.analysis
    FROM subject s JOIN run r ON r.id = s.run""",
    """INSERT INTO event (run, time, kind, text)
    SELECT id, created, 'teacher.mode', 'auto took table' FROM run""",
    """WITH RECURSIVE number (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i < 39)
    INSERT INTO param (run, key, text, number, origin)
    SELECT r.id, printf('section%d.key%02d', i / 8, i), '0.1', 0.1, 'default'
    FROM run r CROSS JOIN number ORDER BY r.id, 2""",
    """WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < :points)
    INSERT INTO point (run, key, step, value, samples, flops, time)
    SELECT r.id, 9, 10 * i, 2.0 / i, 640 * i, 1e6 * i, r.created + i / 2.0
    FROM run r CROSS JOIN number""",
]


def make(schema, path, runs, points):
    database = sqlite3.connect(path)
    database.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF;")
    with open(schema, encoding="utf-8") as f:
        database.executescript(f.read())
    size = {"runs": runs, "points": points, "size": PER_EXPERIMENT,
            "teachers": max(1, (runs + PER_EXPERIMENT - 1) // PER_EXPERIMENT)}
    for sql in [TEACHERS, RUNS, ANALYSES]:
        database.execute(sql, size)
    database.executemany("INSERT INTO metric_key (name, unit, higher_is_better) VALUES (?, ?, ?)",
                         KEYS)
    for sql in REST:
        database.execute(sql, size)
    database.commit()
    database.close()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    make(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 100000,
         int(sys.argv[4]) if len(sys.argv) > 4 else 100)
