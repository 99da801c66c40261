# test_slurm.sh - kappa submit on a real Slurm of one node: stages, dependencies, the merge.
. "$(dirname "$0")/../cli/lib.sh"
. "$source/tests/cluster/slurm_node.sh"
trap 'stop_slurm; rm -rf "$work"' EXIT
start_slurm >"$work/why" 2>&1 || {
    echo "skipped: no Slurm of one node: $(cat "$work/why")"
    exit 77
}
make_data
make_experiment
cat >>students.ini <<'INI'
[analysis.cka]
with = teacher
n = 64
INI
everything="SELECT r.config_hash, k.name, v.split, v.value FROM result v JOIN run r ON r.id = v.run
    JOIN metric_key k ON k.id = v.key UNION ALL SELECT r.config_hash, k.name, v.split, v.value
    FROM pairwise v JOIN run r ON r.id = v.run_a JOIN metric_key k ON k.id = v.key ORDER BY 1, 2, 3"

# rows DB QUERY: the answer without its header.
rows() {
    "$kappa" sql --db "$1" --format csv "$2" | tr -d '\r' | tail -n +2
}

try 0 "$kappa" run students.ini --db alone.db
rows alone.db "$everything" >wanted

# A teacher, four tasks of two students, analyses.
try 0 "$kappa" submit students.ini --db all.db
has out "submitted"
wait_for_jobs
cat all.db.tasks/*.log >log 2>/dev/null
rows all.db "$everything" | cmp -s - wanted || { bad "other results than alone"; cat log; }
is "$(rows all.db "SELECT count(*), sum(status = 'done') FROM run")" \
    "$(rows alone.db "SELECT count(*), sum(status = 'done') FROM run")" "runs"
is "$(rows all.db "SELECT count(*) FROM attempt WHERE attempt > 1")" 0 "second attempts"
is "$(rows all.db "SELECT count(DISTINCT a.pid) FROM attempt a JOIN run r ON r.id = a.run
    WHERE r.kind = 'train'")" 5 "tasks"
try 0 "$kappa" db check all.db
try 0 "$kappa" submit students.ini --db all.db
has err "nothing to submit: all"

# More students of the teacher that is there: one stage. What fails stays to be done.
try 0 "$kappa" submit students.ini --db all.db --set data.kappa=0.4
wait_for_jobs
is "$(rows all.db "SELECT count(*) FROM run WHERE kappa = 0.4 AND kind = 'train' AND
    status = 'done'")" 4 "students of the second experiment"
is "$(rows all.db "SELECT count(*) FROM run WHERE teacher_run IS NULL AND kind = 'train'")" 1 \
    "teachers"

# A job that is cancelled goes on when it is submitted again.
long="--set train.epochs=30000 --set run.checkpoint=0.1 --set data.kappa=0.3"
# shellcheck disable=SC2086
try 0 "$kappa" submit students.ini --db all.db $long --set objective.plugin=lt --set seed.master=11
i=0
until ls all.db.tasks/*.db.d/*/checkpoint-*.safetensors >/dev/null 2>&1 || [ $i -gt 200 ]; do
    i=$((i + 1))
    sleep 0.1
done
scancel -u root --signal=KILL --full -n kappa-stage0
wait_for_jobs
# shellcheck disable=SC2086
try 0 "$kappa" submit students.ini --db all.db $long --set objective.plugin=lt --set seed.master=11
wait_for_jobs
is "$(rows all.db "SELECT status || ' ' || attempt FROM run WHERE kappa = 0.3 AND
    kind = 'train'")" "done 2" "the cancelled run"
try 0 "$kappa" db check all.db
finish
