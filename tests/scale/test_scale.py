"""Views and queries on many runs: the plans search indexes, the times are printed.

usage: test_scale.py SOURCE KAPPA [RUNS [POINTS]]

The plan of a view narrowed to one study or one experiment may scan no table; no plan at all may
scan the points. Times (seconds of the processor, in this process) are for reading: on 100 000 runs
x 100 points a narrowed view should take less than 1, a whole one less than 5.
"""
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from make_database import make  # noqa: E402

STUDY = "name = 'experiment001'"
MEMBERS = ("IN (SELECT uid FROM v_experiment "
           "WHERE experiment = 'experiments/002/small.ini')")
NARROW = {
    "v_run": [STUDY, f"uid {MEMBERS}"],
    "v_pair": [STUDY, f"uid {MEMBERS}"],
    "v_pi": [STUDY],
    "v_kappa_star": [STUDY, f"metric = 'test/accuracy' AND {STUDY}"],
    "v_group": [STUDY],
    "v_pairwise": [f"uid_a {MEMBERS}"],
    "v_analysis": [f"uid {MEMBERS}"],
    "v_label": [f"uid {MEMBERS}"],
    "v_progress": [f"uid {MEMBERS}"],
    "v_experiment": ["experiment = 'experiments/002/small.ini'"],
}
# What a plan may scan: the answer of its own subqueries. `open` is the index of unfinished runs.
HARMLESS = re.compile(r"SCAN (\(subquery-\d+\)|v_\w+|g)$|SCAN r USING INDEX run_open$")


def plan(db, sql):
    return [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + sql)]


def timed(db, sql):
    begun = time.process_time()
    rows = sum(1 for _ in db.execute(sql))
    return time.process_time() - begun, rows


def check(db, sql, narrowed):
    wrong = [step for step in plan(db, sql)
             if step.startswith("SCAN") and (narrowed or re.match(r"SCAN point\b", step))
             and not HARMLESS.match(step)]
    seconds, rows = timed(db, sql)
    print(f"{seconds:7.3f} s  {rows:8d} rows  {sql}")
    for step in wrong:
        print(f"FAILED: {sql}: {step}")
    return len(wrong) + (rows == 0)


def main(source, kappa, runs, points):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "many.db")
        make(os.path.join(source, "core/store/schema.sql"), path, runs, points)
        db = sqlite3.connect(path)
        views = {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'view'")}
        failed = 0
        if views != set(NARROW):
            print(f"FAILED: views without a narrowed query: {views ^ set(NARROW)}")
            failed += 1
        for view in sorted(views & set(NARROW)):
            failed += check(db, f"SELECT * FROM {view}", False)
            for where in NARROW[view]:
                failed += check(db, f"SELECT * FROM {view} WHERE {where}", True)
        db.close()
        begun = time.perf_counter()
        done = subprocess.run([kappa, "status", "--db", path], stdout=subprocess.PIPE, check=True)
        print(f"{time.perf_counter() - begun:7.3f} s  kappa status")
        failed += f"{runs + 11 * ((runs + 999) // 1000)} runs".encode() not in done.stdout
    print(f"{failed} failed")
    return failed > 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 3000,
                  int(sys.argv[4]) if len(sys.argv) > 4 else 20))
