"""kills.py - kill -9 at random moments of a sweep, which must end as if nothing had happened.

Half of the kills come after a random time, half at a random operation on a file, where a process
is most likely to be caught between two steps that belong together. After each one the invariants of
lab.py are checked and the points counted that were saved and are gone."""
import collections
import random

import lab

KILLS = {False: 16, True: 200}  # short, full


def kill_once(study, case, rng):
    """Start the sweep and kill it; False if it was finished before."""
    if rng.random() < 0.5:
        process = study.start(case)
        try:
            process.wait(rng.uniform(0.02, 0.6 * study.seconds))
        except lab.subprocess.TimeoutExpired:
            process.kill()
    else:
        process = study.start(case, {"AT": f"any:{rng.randint(1, 400)}:kill"})
    said = process.communicate()[1].decode(errors="replace")
    if process.returncode not in (0, -9):
        raise lab.Wrong(f"exit status {process.returncode}: {said}")
    return process.returncode == -9


def main():
    args = lab.arguments(__doc__)
    rng = random.Random(args.seed)
    count = collections.Counter()
    with lab.Lab(args, lab.SWEEP) as study:
        while count["kills"] < KILLS[args.full]:
            case = study.case(f"case{count['sweeps']}")
            count["sweeps"] += 1
            try:
                while count["kills"] < KILLS[args.full] and kill_once(study, case, rng):
                    count["kills"] += 1
                    count["lost"] += study.check(case)
                study.run_to_end(case)
                study.compare(case)
                study.remove(case)
            except lab.Wrong as wrong:
                print(f"{case.name} after {count['kills']} kills: {wrong}", flush=True)
                count["differences"] += 1
                study.keep = True
    print(f"{count['sweeps']} sweeps of {study.seconds:.1f} s")
    print(f"{count['kills']} kills, {count['differences']} differences, "
          f"{count['lost']} lost points")
    raise SystemExit(1 if count["differences"] or count["lost"] else 0)


main()
