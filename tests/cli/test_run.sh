# test_run.sh - kappa run: results, what is found done, failed runs, threads.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment

try 0 "$kappa" run students.ini
has out "[1/9] teacher patterns mlp lt seed 11: begins"
has out "[9/9] student patterns mlp kd tau 4 kappa 0.5 seed 13: done in"
has out "test accuracy"
has out "test agreement"
has out "9 runs: 9 done, 0 found done, 0 failed, 0 skipped"
has out "database: kappa.db"
has out "next: kappa sql --db kappa.db"
is "$(cat err)" "" "standard error of a run"
is "$(ask "SELECT count(*) FROM v_run WHERE status = 'done' AND test_accuracy IS NOT NULL")" 9 \
    "runs with results"
sed -n 's/^next: kappa //p' out >next
try 0 sh -c "'$kappa' $(cat next)"
has out "pi_mean"
is "$(tail -n +3 out | wc -l)" 2 "rows of v_pi"

find kappa.db.d -name model.safetensors | sort | xargs sha256sum >before
try 0 "$kappa" run students.ini
has out "9 runs: 0 done, 9 found done, 0 failed, 0 skipped"
sha256sum --quiet -c before || bad "weights changed though nothing was to do"
try 0 "$kappa" plan students.ini
has out "9 done, 0 running, 0 started, 0 missing"
has out " 0 FLOP not yet done"
has out "nothing to do"
# Overrides are in their order, and --threads is one of them; it changes no hash.
try 0 "$kappa" run students.ini --threads 2
has out "9 found done"
try 0 "$kappa" plan students.ini --sweep data.kappa=0.2,0.3
has out "5 done, 0 running, 0 started, 4 missing"
has out "at the speed of the runs done"

uid=$(ask "SELECT uid FROM v_run WHERE objective = 'kd' ORDER BY uid LIMIT 1")
try 0 "$kappa" show "$uid"
for text in "$uid" "done" "test/agreement" "compared with" "attempts" "examples" "plugins" \
    "model.safetensors" "objective.kd.tau" "students.ini:4"; do
    has out "$text"
done
try 0 "$kappa" show "$(echo "$uid" | cut -c1-25)" --db kappa.db
try 2 "$kappa" show 0
has err "more than one"
try 2 "$kappa" show ZZZ
has err "ZZZ: no run of kappa.db"

# Bits do not depend on threads.
try 0 "$kappa" run students.ini --db two.db --threads 2 --quiet
"$kappa" sql kappa.db --format csv \
    "SELECT config_hash, sha256 FROM artifact a JOIN run r ON r.id = a.run ORDER BY 1" >one
"$kappa" sql two.db --format csv \
    "SELECT config_hash, sha256 FROM artifact a JOIN run r ON r.id = a.run ORDER BY 1" >two
cmp -s one two || bad "one and two threads give different weights"

# A loss that is no number fails the run, with the step; the sweep goes on.
try 1 "$kappa" run students.ini --db nan.db --sweep train.lr=1e6,0.1 --set data.kappa=0.5 \
    --sweep seed.master=11 --set train.epochs=30
has err "kappa: student patterns mlp lt kappa 0.5 seed 11: failed: "
has err "step"
grep -q ' [1-9][0-9]* failed' out || bad "no failed run in the summary"
"$kappa" sql nan.db "SELECT status, count(*), max(error) FROM run GROUP BY 1" --format csv >out
has out "done"
has out "failed"
has out "step"
# A teacher that fails takes its students with it.
try 1 "$kappa" run students.ini --db skip.db --set teacher:train.lr=1e6 \
    --set teacher:train.epochs=30
has out "1 failed, 8 skipped"
has err "teacher is not trained"

# Where nobody reads any more, the training goes on.
"$kappa" run students.ini --db pipe.db 2>err | head -1 >first
tried="run with a closed pipe"
is "$(cat err)" "" "standard error with a closed pipe"
is "$("$kappa" sql pipe.db "SELECT count(*) FROM run WHERE status = 'done'" --format csv |
    tr -d '\r' | tail -n 1)" 9 "runs done with a closed pipe"
finish
