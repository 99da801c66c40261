"""summary.py [--whole SUITE,...] BROKEN LOG... - adds up Meson's test logs (testlog.json) and
prints the last line.

BROKEN is the number of failures that are no test, such as a build. A skipped test's reason is the
line of its output that begins with "skipped:". Of the suites behind --whole a
skipped test has failed, and so has a suite of which no test ran: what they need is there."""
import json
import sys

PASSED = {"OK", "EXPECTEDFAIL"}


def reason(entry):
    for line in (entry.get("stdout") or "").splitlines():
        if line.startswith("skipped:"):
            return line[len("skipped:"):].strip()
    return "no reason given"


def suites(entry):
    """As Meson has them in the name: "project:suite+suite / test"."""
    before, slash, _ = entry["name"].partition(" / ")
    return set(before.partition(":")[2].split("+")) if slash else set()


def main():
    arguments = sys.argv[1:]
    whole = set()
    if arguments[0] == "--whole":
        whole = set(arguments[1].split(","))
        del arguments[:2]
    passed, failed, skipped, ran = 0, int(arguments[0]), 0, set()
    for path in arguments[1:]:
        folder = path.split("/")[0]
        with open(path, encoding="utf-8", errors="replace") as lines:
            entries = [json.loads(line) for line in lines]
        for entry in entries:
            ran |= suites(entry)
            if entry["result"] in PASSED:
                passed += 1
            elif entry["result"] != "SKIP":
                failed += 1
                print(f"FAILED: {entry['name']} ({folder}): {entry['result']}")
            elif whole & suites(entry):
                failed += 1
                print(f"FAILED: {entry['name']} ({folder}): nothing of it may skip here, "
                      f"but: {reason(entry)}")
            else:
                skipped += 1
                print(f"skipped: {entry['name']} ({folder}): {reason(entry)}")
    for name in sorted(whole - ran):
        failed += 1
        print(f"FAILED: no test of the suite {name} ran, though what it needs is here")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or passed == 0 else 0


sys.exit(main())
