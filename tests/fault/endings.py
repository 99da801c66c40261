"""endings.py - other ways in which a run ends early or finds its files damaged: signals, a closed
terminal, a disk that is full, a torn checkpoint. The next run ends as if nothing had happened."""
import contextlib
import os
import pty
import random
import shutil
import signal
import sqlite3
import subprocess
import time

import lab

INTERRUPTED = 130

# Programs started from here inherit what is ignored, as SIGHUP is under nohup.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def wait_for(process, what):
    """Until what() gives something; that."""
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        if found := what():
            return found
        time.sleep(0.001)
    raise lab.Wrong("waited for something that did not come")


def begin(study, case, rng, **more):
    """Start the sweep and wait until a random one of the first half of its runs has saved."""
    runs = rng.randint(1, len(study.end["run"]) // 2)
    process = study.start(case, **more)

    def saved():
        folders = list((case / "kappa.db.d").glob("*/"))
        return len(folders) >= runs and list(max(folders).glob("checkpoint-*.safetensors"))

    wait_for(process, saved)
    return process


def signals(study, rng):
    """A request to stop: the step is finished and the state saved. A second one ends it at once."""
    for number, times in ((signal.SIGHUP, 1), (signal.SIGTERM, 1), (signal.SIGINT, 1),
                          (signal.SIGINT, 2)):
        case = study.case(f"{number.name}-{times}")
        process = begin(study, case, rng)
        for _ in range(times):
            process.send_signal(number)
        said = process.communicate(timeout=60)[1].decode()
        if process.returncode != INTERRUPTED:
            raise lab.Wrong(f"exit status {process.returncode} after {case.name}: {said}")
        if times == 1 and "to continue: kappa run students.ini" not in said:
            raise lab.Wrong(f"{case.name}: not told how to continue: {said}")
        yield case


def closed_terminal(study, rng):
    """The window is closed: nobody reads what is written any more."""
    case = study.case("terminal")
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    # The first terminal that a new session opens is the one that it is told of.
    process = begin(study, case, rng, stdin=theirs, stdout=theirs, stderr=theirs,
                    start_new_session=True, preexec_fn=lambda: os.close(os.open(name, os.O_RDWR)))
    os.close(theirs)
    os.close(ours)
    if (status := process.wait(timeout=60)) != INTERRUPTED:
        raise lab.Wrong(f"exit status {status} after the terminal was closed")
    yield case


def small_disk(study, _rng):
    """A file system that is full before the study is done, and then has room again."""
    place = study.folder / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", place]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        print("part skipped: a small disk cannot be mounted here")
        return
    try:
        case = study.case("small")
        status, said = study.run(case)
        if status != 1 or "make room" not in said and "free some space" not in said:
            raise lab.Wrong(f"exit status {status} on a full disk: {said}")
        study.check(case)
        subprocess.run(["mount", "-o", "remount,size=100m", place], check=True)
        study.run_to_end(case)
        moved = study.folder / "moved"
        shutil.copytree(case, moved)
    finally:
        subprocess.run(["umount", place], check=True)
    place.rmdir()
    yield moved


def newest_of_two(case):
    """The run and the file of a checkpoint with one before it; None if there is none."""
    if not (case / "kappa.db").exists():
        return None
    with contextlib.closing(sqlite3.connect(case / "kappa.db", timeout=60)) as db:
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'artifact'").fetchone():
            return None
        row = db.execute("SELECT c.run, c.path FROM artifact c JOIN artifact b ON b.run = c.run "
                         "JOIN run r ON r.id = c.run WHERE c.role = 'checkpoint' AND "
                         "b.role = 'checkpoint_before' AND r.status <> 'done'").fetchone()
    return row and (row[0], case / "kappa.db.d" / row[1])


def damage(path, how):
    data = path.read_bytes()
    if how == "removed":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "short":
        path.write_bytes(data[:-1])
    else:
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:])


def torn_checkpoint(study, _rng):
    """The newest checkpoint is damaged: the one before it is used, and the points behind it go."""
    for how in ("removed", "empty", "short", "one bit"):
        case = study.case(how.replace(" ", "-"))
        found = None
        while not found:  # the run may have finished between the look and the kill
            process = study.start(case)
            wait_for(process, lambda case=case: newest_of_two(case))
            process.kill()
            process.communicate()
            found = newest_of_two(case)
        run, path = found
        damage(path, how)
        study.run_to_end(case)
        with contextlib.closing(sqlite3.connect(case / "kappa.db")) as db:
            step = int(path.stem.split("-")[1])
            if not db.execute("SELECT 1 FROM attempt WHERE run = ? AND resume_step < ? AND "
                              "resume_step > 0", (run, step)).fetchone():
                raise lab.Wrong(f"{how}: not continued from the checkpoint before")
            if not db.execute("SELECT 1 FROM event WHERE run = ? AND kind = 'checkpoint'",
                              (run,)).fetchone():
                raise lab.Wrong(f"{how}: the damage is not recorded")
        yield case


def main():
    args = lab.arguments(__doc__)
    rng = random.Random(args.seed)
    count = differences = 0
    with lab.Lab(args, lab.SWEEP) as study:
        for part in (signals, closed_terminal, small_disk, torn_checkpoint):
            for _ in range(10 if args.full else 1):
                try:
                    for case in part(study, rng):
                        count += 1
                        study.run_to_end(case)
                        study.compare(case)
                        study.remove(case)
                except lab.Wrong as wrong:
                    print(f"{part.__name__}: {wrong}", flush=True)
                    differences += 1
                    study.keep = True
                    break
    print(f"{count} endings, {differences} differences")
    raise SystemExit(1 if differences else 0)


main()
