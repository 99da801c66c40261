# summary.sh - what the scripts of tests/ make of Meson's logs: a test that skips is counted with
# its reason, and has failed where nothing of its suite may skip.
set -eu
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

line() {
    printf '{"name": "kappa:%s / %s", "result": "%s", "stdout": "%s"}\n' "$@"
}
{
    line unit+cuda-emu first OK ""
    line cuda-emu second SKIP "a line\\nskipped: no compiler"
    line other third SKIP "skipped: no GPU"
} >"$work/log.json"

# says STATUS TEXT LINE ARGUMENT...: exit status and last line, and some other line.
says() {
    want=$1 last=$2 text=$3
    shift 3
    got=0
    python3 tests/summary.py "$@" "$work/log.json" >"$work/out" || got=$?
    [ "$got" -eq "$want" ] && [ "$(tail -n 1 "$work/out")" = "$last" ] &&
        grep -qF "$text" "$work/out" && return
    echo "summary.py $*: status $got, and:"
    cat "$work/out"
    exit 1
}
says 0 "1 passed, 0 failed, 2 skipped" "skipped: kappa:cuda-emu / second (): no compiler" 0
says 1 "1 passed, 2 failed, 2 skipped" "skipped: kappa:other / third (): no GPU" 2
says 1 "1 passed, 1 failed, 1 skipped" "second (): nothing of it may skip" --whole cuda-emu 0
says 1 "1 passed, 1 failed, 2 skipped" "FAILED: no test of the suite cudnn ran" --whole cudnn 0
