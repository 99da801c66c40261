"""powercut.py - the power fails behind each operation on files of a short study: what a disk may
then hold opens, holds the invariants, and the next run ends as if nothing had happened.

The study runs once, logged; the log is played back up to each operation, onto the disks of disk.py.
Equal states are tried once."""
import collections
import random

import disk
import lab

STATES = 36  # tried when not at full length


def find_states(study, rng):
    """(operation's number, kind of disk, state) for all that differ."""
    case = study.case("logged")
    log = case.parent / "log"
    status, said = study.run(case, {"LOG": log})
    if status != 0:
        raise lab.Wrong(f"the logged run ends with {status}: {said}")
    study.compare(case)
    seen, found, now = set(), [], disk.Disk()
    for number, operation in enumerate(disk.read_log(log), 1):
        now.play(*operation)
        for kind in disk.DISKS:
            state = now.after_cut(kind, rng)
            key = disk.key_of(state)
            if key not in seen:
                seen.add(key)
                found.append((number, kind, state))
    return found


def some_of(states, rng):
    """A few of each kind of disk, from everywhere in the log."""
    chosen = []
    for kind in disk.DISKS:
        mine = [s for s in states if s[1] == kind]
        n = min(STATES // len(disk.DISKS), len(mine))
        chosen += [mine[rng.randrange(i * len(mine) // n, (i + 1) * len(mine) // n)]
                   for i in range(n)]
    return chosen


def main():
    args = lab.arguments(__doc__)
    rng = random.Random(args.seed)
    count = collections.Counter()
    differences = 0
    with lab.Lab(args, lab.SHORT) as study:
        states = find_states(study, rng)
        operations = states[-1][0]
        for number, kind, state in states if args.full else some_of(states, rng):
            case = study.case(f"{number}-{kind}")
            disk.put(state, case)
            count[kind] += 1
            try:
                if lost := study.check(case):
                    raise lab.Wrong(f"{lost} points that were saved are lost")
                study.run_to_end(case)
                study.compare(case)
                study.remove(case)
            except lab.Wrong as wrong:
                print(f"power cut behind operation {number}, disk '{kind}': {wrong}", flush=True)
                differences += 1
                study.keep = True
    print(f"{operations} operations, {len(states)} states; tried: "
          + ", ".join(f"{count[kind]} {kind}" for kind in disk.DISKS))
    print(f"{sum(count.values())} power cuts, {differences} differences")
    raise SystemExit(1 if differences else 0)


main()
