# test_seeing.sh - kappa status, plan, log, diff, show RUN, rerun: what is running, done, lost;
# where runs differ; whether they can be made again.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment

try 2 "$kappa" status
has err "kappa.db: no such database"
for command in log "diff 01" rerun; do
    try 2 "$kappa" $command 01
    has err "kappa.db: no such database"
done
try 0 "$kappa" plan students.ini
has out "objective  kappa  0.2    0.5"
has out "kd                ..     .."
has out "a mark for each seed: 11 13"
has out "   1  teacher patterns mlp lt seed 11 "
lacks out "student patterns"

try 0 "$kappa" run students.ini --quiet
try 0 "$kappa" status
has out "kappa.db: 9 runs: 9 done"
has out "nothing is running"
kd=$(ask "SELECT uid FROM run WHERE objective = 'kd' ORDER BY uid LIMIT 1")
lt=$(ask "SELECT uid FROM run WHERE objective = 'lt' AND teacher_run NOT NULL ORDER BY uid LIMIT 1")

# A run is known by the beginning of its uid, in either case; another is refused by each command.
lower=$(echo "$kd" | cut -c1-25 | tr A-Z a-z)
try 0 "$kappa" log "$lower"
has out "1 begins on "
has out "train/loss"
has out "1 ends: done"
try 0 "$kappa" log "$kd" --json
python3 -c 'import json; assert json.load(open("out"))[0]["what"] == "attempt"' || bad "log as JSON"
for command in log show rerun "diff $kd"; do
    try 2 "$kappa" $command 0
    has err "begins more than one uid"
    try 2 "$kappa" $command ZZ
done
try 2 "$kappa" log "O'Brien"
has err "no uid"

try 0 "$kappa" diff "$lt" "$kd"
has out "objective.plugin"
has out "difference"
has out "examples: the same examples"
has out "made by: the same program"
is "$(grep -c 'test/accuracy' out)" 1 "lines of the accuracy of two runs of one kappa"
other=$(ask "SELECT uid FROM run WHERE objective = 'kd' ORDER BY kappa DESC LIMIT 1")
try 0 "$kappa" diff "$kd" "$other"
is "$(grep -c 'test/accuracy .*-*[0-9]  *-*[0-9].*%' out)" 1 "differences of runs of other kappas"
try 0 "$kappa" diff "$kd" "$kd"
has out "configuration: the same settings"
has out "weights: bit for bit the same"

# The record: what is needed to make the run again.
try 0 "$kappa" show "$kd"
for text in "made by" program glibc libjpeg "processor level" "gcc\|clang" students.ini overlap \
    seed.master; do
    grep -q "$text" out || bad "no '$text' in show RUN"
done
is "$(ask "SELECT count(*) FROM attempt WHERE length(build) = 64 AND git_revision IS NULL")" 9 \
    "attempts with the program's hash, outside of git"
try 0 "$kappa" show "$kd" --ini
mv out again.ini
try 0 "$kappa" show again.ini
has out "$(ask "SELECT config_hash FROM run WHERE uid = '$kd'")"

# Experiments of different names share runs; these keep the first name, and that is told.
for name in alpha beta; do
    printf '[include]\npath = students.ini\n[run]\nname = %s\n' $name >$name.ini
done
printf '[analysis.cka]\nwith = teacher\nn = 64\n' >>beta.ini
try 0 "$kappa" run alpha.ini --db names.db
lacks out "another name"
try 0 "$kappa" run beta.ini --db names.db
shared="8 of these runs are in names.db under another name than 'beta' ('alpha') and keep it"
has out "$shared"
try 0 "$kappa" plan beta.ini --db names.db
has out "$shared"
try 0 "$kappa" sql --db names.db --csv "SELECT count(*) AS n FROM v_pi
    WHERE metric = 'test/accuracy' AND group_hash IN
    (SELECT group_hash FROM v_experiment WHERE experiment = 'beta.ini')"
is "$(tr -d '\r' <out | tail -n 1)" 2 "rows of v_pi narrowed to an experiment"

# The record of an analysis: what it looked at, what it found.
try 0 "$kappa" show "$("$kappa" sql --db names.db --csv "SELECT uid FROM v_analysis LIMIT 1" |
    tr -d '\r' | tail -n 1)" --db names.db
has out "looked at"
has out "student patterns mlp"
is "$(sed -n '/^found/,/^$/p' out | grep -c 'test/cka  *[0-9]')" 2 "values that it found"

# Made again: the same, also with other threads, from the recorded teacher, wherever its experiment
# and the folder are.
mv teacher.ini teacher.away
try 0 "$kappa" rerun "$kd" --threads 2
has out "weights: equal"
has out "points of curves: equal"
has out "bit for bit the same"
mv teacher.away teacher.ini
try 1 "$kappa" rerun "$kd" --quiet --set train.lr=0.2
has err "gives another hash here"
# What is recorded of it is changed: that is seen, and named.
cp kappa.db changed.db
cp -r kappa.db.d changed.db.d
python3 - "$kd" <<'PY'
import sqlite3, sys
db = sqlite3.connect("changed.db")
run, = db.execute("SELECT id FROM run WHERE uid = ?", sys.argv[1:]).fetchone()
db.execute("UPDATE result SET value = value + 1e-9 WHERE run = ? AND key = (SELECT id FROM "
           "metric_key WHERE name = 'test/kl')", (run,))
db.execute("UPDATE attempt SET versions = 'kappa 0.0.9' WHERE run = ?", (run,))
db.commit()
PY
export TMPDIR=$work
try 1 "$kappa" rerun "$kd" --db changed.db --quiet
has out "weights: equal"
has out "results: different"
has out "test test/kl at kappa 0.2"
has out "versions: recorded kappa 0.0.9, now kappa "
has out "NOT the same; the new one is in $work/kappa-rerun-"
[ -f "$(sed -n 's/.*the new one is in //p' out)" ] || bad "the run that differs was not kept"
unset TMPDIR

# One run whose process is gone, one that failed.
python3 - "$kd" "$lt" <<'PY'
import sqlite3, sys
db = sqlite3.connect("kappa.db")
db.execute("UPDATE run SET status = 'running', step = 3, pid_start = pid_start + 1, "
           "heartbeat = heartbeat - 7 WHERE uid = ?", sys.argv[1:2])
db.execute("UPDATE run SET status = 'failed', error = 'loss is NaN, at step 2' WHERE uid = ?",
           sys.argv[2:])
db.commit()
PY
try 0 "$kappa" status
has out "9 runs: 7 done"
has out "is gone"
has out "loss is NaN, at step 2"
try 0 "$kappa" status --json
python3 - <<'PY' || bad "status as JSON"
import json
status = json.load(open("out"))
assert {c["status"]: c["runs"] for c in status["counts"]} == {"done": 7, "running": 1, "failed": 1}
assert {r["state"] for r in status["runs"]} == {"lost", "failed"}, status
lost, = (r for r in status["runs"] if r["state"] == "lost")
assert lost["step"] == 3 and lost["silence"] > 7 and "gone" in lost["why"], lost
PY
try 0 "$kappa" plan students.ini
has out "1 started"
has out "1 failed"
has out "lost at step 3 of "
has out "failed at step"
grep -q '^lt .*!' out || bad "no mark of the failed run"
grep -q '^kd .*~' out || bad "no mark of the lost run"
try 2 "$kappa" rerun "$lt"
has err "is not done"

# A process that works is seen from outside while it does.
"$kappa" run teacher.ini --db live.db --set train.epochs=200000 --quiet >live.out 2>&1 &
worker=$!
for _ in $(seq 100); do
    "$kappa" status --db live.db >out 2>err && grep -q "%  [1-9]" out && break
    sleep 0.1
done
tried="status of a live process"
has out "1 running"
has out "teacher patterns mlp lt seed 11"
has out " $worker "
timeout -s INT 3 "$kappa" status --db live.db --watch >out 2>err
is $? 124 "status --watch until it is interrupted"
is "$(grep -c '1 running' out)" 2 "tables of three seconds of --watch"
kill -INT $worker
wait $worker
finish
