"""failures.py - the n-th write, fsync, rename, unlink, open or allocation fails, or the disk is
full from the n-th write on: kappa says so and ends, and the next run ends as if nothing had
happened.

SQLite's own operations count as well. At full length every n of the files' operations of a short
study is tried, and a random part of the allocations; the rest of the time a few of each."""
import collections
import random

import lab

# What fails, and how many n are tried: short, full (None: each).
PARTS = [("write:{}:fail", 6, None), ("write:{}:full", 6, None), ("sync:{}:fail", 6, None),
         ("rename:{}:fail", 4, None), ("unlink:{}:fail", 2, None), ("open:{}:fail", 6, None),
         ("alloc:{}:fail", 20, 600)]


def count_operations(study):
    """How often an undisturbed study does each."""
    case = study.case("count")
    study.run(case, {"COUNTS": case.parent / "counts"})
    study.compare(case)
    lines = (case.parent / "counts").read_text().splitlines()
    return {kind: int(n) for kind, n in (line.split() for line in lines)}


def chosen(count, wanted, rng):
    if wanted is None or wanted >= count:
        return range(1, count + 1)
    # One in each of equal parts, so that none is left out altogether.
    return [rng.randint(1 + i * count // wanted, (i + 1) * count // wanted) for i in range(wanted)]


def fail_once(study, case, where):
    """Run with one failure; whether it was noticed."""
    status, said = study.run(case, {"AT": where})
    if status == 0 and not said:
        return False
    if status not in (0, 1, 2):
        raise lab.Wrong(f"exit status {status}: {said}")
    if not all(line.startswith(("kappa: ", "  ")) for line in said.splitlines()) or not said:
        raise lab.Wrong(f"exit status {status} without a message of kappa's: '{said}'")
    if lost := study.check(case):
        raise lab.Wrong(f"{lost} points that were saved are lost")
    return True


def main():
    args = lab.arguments(__doc__)
    rng = random.Random(args.seed)
    total = collections.Counter()
    with lab.Lab(args, lab.SHORT) as study:
        counts = count_operations(study)
        for form, *wanted in PARTS:
            kind = form.split(":")[0]
            numbers = chosen(counts[kind], wanted[args.full], rng)
            seen = collections.Counter()
            for n in numbers:
                where = form.format(n)
                case = study.case(where.replace(":", "-"))
                try:
                    seen["noticed"] += fail_once(study, case, where)
                    study.run_to_end(case)
                    study.compare(case)
                    study.remove(case)
                except lab.Wrong as wrong:
                    print(f"{where}: {wrong}", flush=True)
                    seen["differences"] += 1
                    study.keep = True
            print(f"{form.format('n')}: {len(numbers)} of {counts[kind]}, {seen['noticed']} "
                  f"noticed, {seen['differences']} differences", flush=True)
            total += seen
            total["failures"] += len(numbers)
    print(f"{total['failures']} failures, {total['differences']} differences")
    raise SystemExit(1 if total["differences"] else 0)


main()
