"""lab.py - what the fault tests share: a small study, its end state, and what must always hold.

A case is a folder with the study's experiment files, its run database and that one's folder. The
data lie beside the cases, so that the files below a case are those that kappa writes."""
import argparse
import ast
import contextlib
import hashlib
import os
import pathlib
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

TEACHER = """
[data]
format = idx
name = patterns
root = ../data
mean = 0.5
sd = 0.25
n_teacher = 200
[train]
batch = 32
lr = 0.05
warmup_epochs = 0
eval_every = {eval_every}
[run]
role = teacher
checkpoint = {seconds}
threads = 2
[objective]
plugin = lt
[model]
plugin = {teacher_model}
[model.mlp]
hidden = 16
[model.cnn]
channels = 4 4
[train]
epochs = {teacher_epochs}
"""

STUDENTS = """
[include]
path = teacher.ini
[run]
role = student
[objective.kd]
tau = 4
[teacher]
experiment = teacher.ini
[train]
epochs = {student_epochs}
[sweep]
{sweep}
[analysis.cka]
with = teacher
n = 64
"""

# A sweep of eight students and an analysis of each; and the smallest study that has every kind of
# run, several evaluations and checkpoints.
SWEEP = {"teacher_model": "cnn", "teacher_epochs": 200, "student_epochs": 200, "eval_every": 10,
         "seconds": 0.02, "sweep": "data.kappa = 0.2, 0.5\nobjective.plugin = lt, kd\n"
         "model.plugin = mlp, cnn"}
SHORT = {"teacher_model": "mlp", "teacher_epochs": 1, "student_epochs": 3, "eval_every": 2,
         "seconds": 0, "sweep": "data.kappa = 0.2\nobjective.plugin = kd"}

# Everything of a finished study but names made at random, times, hosts and attempts.
END_STATE = {
    "run": "SELECT r.config_hash, r.kind, r.name, r.status, r.pair_hash, r.group_hash, "
           "t.config_hash, r.dataset, r.model, r.objective, r.teacher, r.kappa, r.m, r.n, r.tau, "
           "r.seed, r.step, r.steps, r.samples, r.error, r.ini FROM run r "
           "LEFT JOIN run t ON t.id = r.teacher_run",
    "point": "SELECT r.config_hash, k.name, p.step, p.value, p.flag, p.samples, p.flops "
             "FROM point p JOIN run r ON r.id = p.run JOIN metric_key k ON k.id = p.key",
    "result": "SELECT r.config_hash, k.name, v.split, v.kappa, v.samples, v.step, v.value, v.flag, "
              "a.config_hash FROM result v JOIN run r ON r.id = v.run "
              "JOIN metric_key k ON k.id = v.key LEFT JOIN run a ON a.id = v.analysis",
    "pairwise": "SELECT a.config_hash, b.config_hash, k.name, v.split, v.estimator, v.kappa, v.n, "
                "v.value, v.flag, c.config_hash FROM pairwise v JOIN run a ON a.id = v.run_a "
                "JOIN run b ON b.id = v.run_b JOIN metric_key k ON k.id = v.key "
                "LEFT JOIN run c ON c.id = v.analysis",
    "artifact": "SELECT r.config_hash, a.role, replace(a.path, r.uid, ''), a.sha256, a.bytes, "
                "a.epoch, a.step FROM artifact a JOIN run r ON r.id = a.run "
                "WHERE a.role NOT GLOB 'teacher_table*'", # kept to save time, where that succeeds
    "param": "SELECT r.config_hash, p.key, p.text, p.number, p.origin FROM param p "
             "JOIN run r ON r.id = p.run",
    "subset": "SELECT r.config_hash, s.role, s.algorithm, s.seed, s.count, s.overlap, s.sha256 "
              "FROM subset s JOIN run r ON r.id = s.run",
    "subject": "SELECT a.config_hash, r.config_hash FROM subject s JOIN run a ON a.id = s.analysis "
               "JOIN run r ON r.id = s.run",
    "sweep": "SELECT s.sha256, r.config_hash FROM sweep_run w JOIN sweep s ON s.id = w.sweep "
             "JOIN run r ON r.id = w.run",
    "metric": "SELECT name, unit, higher_is_better FROM metric_key",
}

# Rows that must not be there at any moment, however the process before has ended.
NEVER = {
    "a finished run without its weights":
        "SELECT uid FROM run WHERE status = 'done' AND kind = 'train' AND id NOT IN "
        "(SELECT run FROM artifact WHERE role = 'model')",
    "a finished run short of its last step":
        "SELECT uid, step, steps FROM run WHERE status = 'done' AND kind = 'train' AND "
        "step <> steps",
    "a finished run without results":
        "SELECT uid FROM run WHERE status = 'done' AND id NOT IN (SELECT run FROM result UNION "
        "SELECT analysis FROM result WHERE analysis IS NOT NULL UNION "
        "SELECT analysis FROM pairwise WHERE analysis IS NOT NULL)",
    "a finished run with an error or without its time":
        "SELECT uid FROM run WHERE status = 'done' AND (error IS NOT NULL OR finished IS NULL)",
    "results of a run that is not finished":
        "SELECT uid FROM run WHERE status <> 'done' AND id IN (SELECT run FROM result UNION "
        "SELECT run_a FROM pairwise UNION SELECT analysis FROM result UNION "
        "SELECT analysis FROM pairwise)",
    "a run that began before its teacher was finished":
        "SELECT r.uid FROM run r JOIN run t ON t.id = r.teacher_run WHERE t.status <> 'done'",
    "attempts that are not numbered 1, 2, ...":
        "SELECT r.uid FROM run r JOIN attempt a ON a.run = r.id GROUP BY r.id "
        "HAVING count(*) <> r.attempt OR min(a.attempt) <> 1 OR max(a.attempt) <> r.attempt",
    "a run without an attempt":
        "SELECT uid FROM run WHERE id NOT IN (SELECT run FROM attempt)",
    "an open attempt of a run that is not running, or two open ones":
        "SELECT r.uid FROM run r JOIN attempt a ON a.run = r.id AND a.finished IS NULL "
        "GROUP BY r.id HAVING r.status <> 'running' OR count(*) > 1",
    "an attempt that went on behind the checkpoint":
        "SELECT r.uid FROM run r JOIN attempt a ON a.run = r.id AND a.attempt = r.attempt "
        "JOIN artifact c ON c.run = r.id AND c.role = 'checkpoint' WHERE a.resume_step > c.step",
    "an attempt that went on from less than the one before":
        "SELECT r.uid FROM attempt a JOIN attempt b ON b.run = a.run AND b.attempt = a.attempt + 1 "
        "JOIN run r ON r.id = a.run WHERE a.resume_step > coalesce(b.resume_step, -1)",
    "a checkpoint that is not newer than the one before":
        "SELECT run FROM artifact b WHERE role = 'checkpoint_before' AND NOT EXISTS (SELECT 1 FROM "
        "artifact c WHERE c.run = b.run AND c.role = 'checkpoint' AND c.step > b.step)",
    "points behind the last step":
        "SELECT r.uid FROM point p JOIN run r ON r.id = p.run WHERE r.kind = 'train' AND "
        "p.step > r.steps",
    "points that fall back":
        "SELECT run, key, step FROM (SELECT run, key, step, samples, flops, lag(samples) OVER w "
        "AS s, lag(flops) OVER w AS f FROM point "
        "WINDOW w AS (PARTITION BY run, key ORDER BY step)) WHERE samples < s OR flops < f",
}


class Wrong(Exception):
    """Something that must hold does not."""


class Lab:
    """The program, its data, and the end state of a study that nothing has disturbed."""

    def __init__(self, args, study):
        self.kappa = str(pathlib.Path(args.kappa).resolve())
        self.shim = str(pathlib.Path(args.shim).resolve())
        self.study = study
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kappa-fault-")).resolve()
        self.keep = False
        self.environment = {k: v for k, v in os.environ.items()
                            if not k.startswith(("KAPPA_", "FAULT_"))}
        make = pathlib.Path(__file__).resolve().parents[1] / "cli" / "make_idx.py"
        subprocess.run([sys.executable, make, self.folder / "data", "--train", "500"], check=True)
        begun = time.monotonic()
        case = self.case("whole")
        self.run_to_end(case)
        self.seconds = time.monotonic() - begun
        self.end = self.end_state(case)
        self.points = set(self.end["point"])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind or self.keep:
            print(f"kept: {self.folder}", flush=True)
        else:
            shutil.rmtree(self.folder)

    def case(self, name):
        """A new folder with the experiment files alone."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "teacher.ini").write_text(TEACHER.format(**self.study))
        (folder / "students.ini").write_text(STUDENTS.format(**self.study))
        return folder

    def remove(self, case):
        shutil.rmtree(case)

    def start(self, case, shim=None, experiment="students.ini", **more):
        """`kappa run` as a process; shim: settings of the preloaded library, by name."""
        environment = dict(self.environment)
        if shim:
            environment["LD_PRELOAD"] = self.shim
            environment["FAULT_ROOT"] = str(case)
            environment.update({"FAULT_" + k: str(v) for k, v in shim.items()})
        return subprocess.Popen([self.kappa, "run", experiment, "--db", "kappa.db"], cwd=case,
                                env=environment, **{"stdin": subprocess.DEVNULL,
                                                    "stdout": subprocess.DEVNULL,
                                                    "stderr": subprocess.PIPE, **more})

    def run(self, case, shim=None):
        """The exit status and what was said on standard error."""
        process = self.start(case, shim)
        try:
            said = process.communicate(timeout=120)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Wrong("the program hangs") from None
        return process.returncode, said.decode(errors="replace")

    def run_to_end(self, case):
        """Do what is missing, undisturbed."""
        status, said = self.run(case)
        if status != 0:
            raise Wrong(f"the run that should have finished ends with {status}: {said}")

    def end_state(self, case):
        """{table: sorted rows as text} of a study that is finished."""
        beside = {f.name for f in case.iterdir()} - {"kappa.db", "kappa.db.d", "teacher.ini",
                                                     "students.ini"}
        files = {str(f.relative_to(case / "kappa.db.d"))
                 for f in (case / "kappa.db.d").rglob("*")
                 if f.is_file() and not f.match("teacher-table-*.safetensors")}
        with contextlib.closing(sqlite3.connect(case / "kappa.db")) as db:
            uids = dict(db.execute("SELECT uid, config_hash FROM run"))
            state = {name: sorted(self.text_of(row, uids) for row in db.execute(sql))
                     for name, sql in END_STATE.items()}
            known = {"lock"}
            for path, sha256 in db.execute("SELECT path, sha256 FROM artifact"):
                known.add(path)
                if hash_of(case / "kappa.db.d" / path) != sha256:
                    raise Wrong(f"{path}: not the recorded hash")
            known.update(f"{uid}/run.ini" for uid, in db.execute("SELECT uid FROM run"))
        if files - known or beside:
            raise Wrong(f"files are left behind: {sorted(files - known) + sorted(beside)}")
        return state

    def text_of(self, row, uids):
        """A row without the name of its case, and with a run's hash for its uid."""
        text = re.sub(re.escape(str(self.folder)) + r"/[^/]*", "", repr(row))
        return re.sub(r"\b[0-9A-Z]{26}\b", lambda uid: uids.get(uid[0], uid[0]), text)

    def compare(self, case, without=()):
        """The study is finished: as the undisturbed one? Tables `without` may differ."""
        state = self.end_state(case)
        for name, wanted in self.end.items():
            if name not in without and state[name] != wanted:
                more = [r for r in state[name] if r not in wanted]
                less = [r for r in wanted if r not in state[name]]
                raise Wrong(f"other rows of {name}:\n  here {more[:3]}\n  not here {less[:3]}")

    @contextlib.contextmanager
    def look(self, case):
        """The database as the program left it. It looks at a copy: reading a database after a crash
        mends it."""
        copy = case.parent / (case.name + "-look")
        copy.mkdir()
        try:
            for name in ("kappa.db", "kappa.db-wal", "kappa.db-journal"):
                if (case / name).exists():
                    shutil.copyfile(case / name, copy / name)
            with contextlib.closing(sqlite3.connect(copy / "kappa.db")) as db:
                yield db
        finally:
            shutil.rmtree(copy)

    def check(self, case):
        """What must hold at any moment. The number of points that are missing of those that the
        newest checkpoint of a run, or its end, vouches for."""
        with self.look(case) as db:
            if (found := db.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
                raise Wrong(f"the database is damaged: {found[:3]}")
            if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'run'").fetchone():
                return 0
            if found := db.execute("PRAGMA foreign_key_check").fetchall():
                raise Wrong(f"references into nothing: {found[:3]}")
            for what, sql in NEVER.items():
                if found := db.execute(sql).fetchall():
                    raise Wrong(f"{what}: {found[:3]}")
            self.check_files(db, case)
            return self.lost_points(db)

    def check_files(self, db, case):
        for path, sha256, done, role in db.execute(
                "SELECT a.path, a.sha256, r.status = 'done', a.role FROM artifact a JOIN run r "
                "ON r.id = a.run WHERE r.status = 'done' OR a.role GLOB 'checkpoint*'"):
            file = case / "kappa.db.d" / path
            if done and role.startswith("checkpoint"):
                continue  # a finished run's are removed after its end
            if not file.exists() or hash_of(file) != sha256:
                raise Wrong(f"{path}: recorded, but not there or with another hash")

    def lost_points(self, db):
        have = {repr(row) for row in db.execute(END_STATE["point"])}
        if surplus := have - self.points:
            raise Wrong(f"points that no undisturbed run has: {sorted(surplus)[:3]}")
        # A checkpoint that a wish to stop brought about in the middle of an evaluation stands
        # behind the last step of an epoch that is not done: its points of this step come again.
        saved = dict(db.execute(
            "SELECT r.config_hash, CASE r.status WHEN 'done' THEN r.steps "
            "ELSE a.step - (a.epoch < a.step * p.number / r.steps AND "
            "a.step % (r.steps / CAST(p.number AS INTEGER)) = 0) END "
            "FROM run r JOIN param p ON p.run = r.id AND p.key = 'train.epochs' "
            "LEFT JOIN artifact a ON a.run = r.id AND a.role = 'checkpoint' "
            "WHERE r.kind = 'train'"))
        missing = (ast.literal_eval(row) for row in self.points - have)
        return sum(step <= (saved.get(run) or -1) for run, _, step, *_ in missing)


def hash_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def arguments(doc):
    """The options of every part: the program, the shim, how much, and from which random seed."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("kappa")
    parser.add_argument("shim")
    parser.add_argument("--full", action="store_true", help="at full length")
    parser.add_argument("--seed", type=int, default=None, help="of the random choices")
    args = parser.parse_args()
    if args.seed is None:
        args.seed = random.SystemRandom().randrange(10 ** 6)
    print(f"seed {args.seed}", flush=True)
    return args
