"""processes.py - many processes on one database, which are killed at random and replaced.

Sixteen `kappa run` work on two overlapping sweeps in one database. Each run must be done by one
process at a time: a second attempt begins only after the process of the first one was killed
(otherwise it is a double run), and in the end every point is there (otherwise it is lost) and all
is as one process alone makes it. No process but the killed ones ends with an error."""
import collections
import contextlib
import random
import sqlite3
import subprocess
import time

import lab

PROCESSES = 16
KILLS = {False: 24, True: 200}  # short, full

# Many small runs; the second sweep is a part of the first.
STUDY = {"teacher_model": "mlp", "teacher_epochs": 20, "student_epochs": 60, "eval_every": 5,
         "seconds": 0.02, "sweep": "data.kappa = 0.1, 0.2, 0.5\nobjective.plugin = lt, kd\n"
         "seed.master = 11, 13, 17"}
PART = "[include]\npath = students.ini\n[sweep]\ndata.kappa = 0.2, 0.5\n"


class Crowd:
    """The processes on one case, and when each of the killed ones was killed."""

    def __init__(self, study, case, rng):
        self.study, self.case, self.rng = study, case, rng
        self.live, self.killed = [], {}
        (case / "part.ini").write_text(PART)

    def start(self):
        name = self.rng.choice(["students.ini", "part.ini"])
        self.live.append(self.study.start(self.case, experiment=name))

    def kill_one(self):
        victim = self.live.pop(self.rng.randrange(len(self.live)))
        if victim.poll() is None:
            self.killed[victim.pid] = time.time()
            victim.kill()
        said = victim.communicate()[1].decode(errors="replace")
        if victim.returncode not in (0, -9):
            raise lab.Wrong(f"exit status {victim.returncode}: {said}")
        if victim.returncode == 0:
            self.killed.pop(victim.pid, None)  # it was done before the signal came
        return victim.returncode == -9

    def wait(self):
        """Those that are left end by themselves, once all is done."""
        for process in self.live:
            try:
                said = process.communicate(timeout=300)[1].decode(errors="replace")
            except subprocess.TimeoutExpired:
                raise lab.Wrong("a process waits for ever") from None
            if process.returncode != 0 or said:
                raise lab.Wrong(f"exit status {process.returncode}: {said}")
        self.live = []

    def end(self):
        for process in self.live:
            process.kill()
            process.communicate()


def double_runs(case, killed):
    """Attempts that began while the process of the one before was alive."""
    with contextlib.closing(sqlite3.connect(case / "kappa.db")) as db:
        return [row for row in db.execute(
            "SELECT r.uid, a.pid, b.pid, b.started FROM attempt a JOIN attempt b ON b.run = a.run "
            "AND b.attempt = a.attempt + 1 JOIN run r ON r.id = a.run")
            if row[3] < killed.get(row[1], float("inf"))]


def lost_points(study, case):
    with contextlib.closing(sqlite3.connect(case / "kappa.db")) as db:
        return len(study.points - {repr(row) for row in db.execute(lab.END_STATE["point"])})


def one_case(study, case, rng, kills, count):
    crowd = Crowd(study, case, rng)
    try:
        for _ in range(PROCESSES):
            crowd.start()
        while kills > 0 and any(p.poll() is None for p in crowd.live):
            time.sleep(rng.uniform(0, 0.15))
            if crowd.kill_one():
                count["kills"] += 1
                kills -= 1
            crowd.start()
        crowd.wait()
        count["lost points"] += lost_points(study, case)
        study.check(case)
        (case / "part.ini").unlink()  # origins of settings name it
        study.compare(case, without=("sweep", "param"))
    finally:
        crowd.end()
        if double := double_runs(case, crowd.killed):
            print(f"double runs: {double[:3]}", flush=True)
            count["double runs"] += len(double)


def main():
    args = lab.arguments(__doc__)
    rng = random.Random(args.seed)
    count = collections.Counter()
    with lab.Lab(args, STUDY) as study:
        while count["kills"] < KILLS[args.full]:
            case = study.case(f"case{count['cases']}")
            count["cases"] += 1
            try:
                one_case(study, case, rng, min(24, KILLS[args.full] - count["kills"]), count)
                study.remove(case)
            except lab.Wrong as wrong:
                print(f"{case.name} after {count['kills']} kills: {wrong}", flush=True)
                count["differences"] += 1
                study.keep = True
    print(f"{count['cases']} databases, {PROCESSES} processes on each; alone {study.seconds:.1f} s")
    words = ("kills", "differences", "lost points", "double runs")
    print(", ".join(f"{count[w]} {w}" for w in words))
    raise SystemExit(1 if any(count[w] for w in words[1:]) else 0)


main()
