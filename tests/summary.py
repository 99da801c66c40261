"""summary.py BROKEN LOG... - adds up Meson's test logs (testlog.json) and prints the last line.

BROKEN is the number of failures that are no test, such as a build. A skipped test's reason is the
line of its output that begins with "skipped:"."""
import json
import sys

PASSED = {"OK", "EXPECTEDFAIL"}


def reason(entry):
    for line in (entry.get("stdout") or "").splitlines():
        if line.startswith("skipped:"):
            return line[len("skipped:"):].strip()
    return "no reason given"


def main():
    passed, failed, skipped = 0, int(sys.argv[1]), 0
    for path in sys.argv[2:]:
        folder = path.split("/")[0]
        with open(path, encoding="utf-8", errors="replace") as lines:
            entries = [json.loads(line) for line in lines]
        for entry in entries:
            if entry["result"] in PASSED:
                passed += 1
            elif entry["result"] == "SKIP":
                skipped += 1
                print(f"skipped: {entry['name']} ({folder}): {reason(entry)}")
            else:
                failed += 1
                print(f"FAILED: {entry['name']} ({folder}): {entry['result']}")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or passed == 0 else 0


sys.exit(main())
