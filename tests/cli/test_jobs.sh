# test_jobs.sh - kappa run --jobs: several processes do one plan, and end together.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment
everything="SELECT r.config_hash, k.name, v.split, v.value FROM result v JOIN run r ON r.id = v.run
    JOIN metric_key k ON k.id = v.key ORDER BY 1, 2, 3"

# rows DB QUERY: the answer without its header.
rows() {
    "$kappa" sql --db "$1" --format csv "$2" | tr -d '\r' | tail -n +2
}

# until DB QUERY ANSWER: wait for it.
until_is() {
    i=0
    while [ "$(rows "$1" "$2" 2>/dev/null)" != "$3" ]; do
        i=$((i + 1))
        [ $i -lt 300 ] || { bad "no answer '$3' to: $2"; return; }
        sleep 0.05
    done
}

# The same as one process makes.
try 0 "$kappa" run students.ini --db one.db
try 0 "$kappa" run students.ini --db many.db --jobs 3
has out "9 runs: 9 done, 0 found done, 0 failed, 0 skipped"
has out "[1/9] teacher patterns mlp lt seed 11: done in"
is "$(grep -c ': done in' out)" 9 "runs that are shown as done"
is "$(grep -c '^device: ' out)" 1 "lines on the device"
rows one.db "$everything" >wanted
rows many.db "$everything" | cmp -s - wanted || bad "--jobs gives other results"
is "$(rows many.db "SELECT count(*), max(attempt) FROM attempt")" "9,1" "attempts"
try 0 "$kappa" run students.ini --db many.db --jobs 3
has out "9 runs: 0 done, 9 found done"

# Threads are divided: here two for two processes.
try 0 "$kappa" run students.ini --db two.db --jobs 2 --threads 3
threads="SELECT group_concat(DISTINCT threads) IN ('1', '2', '1,2', '2,1') FROM attempt"
is "$(rows two.db "$threads")" 1 "threads of the workers"

# A run that fails: the others go on, and it is told once.
try 1 "$kappa" run students.ini --db bad.db --jobs 2 --set train.lr=1e6 \
    --set teacher:train.lr=0.1 --set objective.plugin=lt
has out "4 failed"
is "$(grep -c ': failed: ' err)" 4 "failures that are told"
try 1 "$kappa" run students.ini --db skip.db --jobs 2 --set teacher:train.lr=1e6
has out "1 failed, 8 skipped"
is "$(grep -c 'skipped: its teacher is not trained' err)" 8 "skipped runs that are told"

# A worker that is killed: its run has failed, the worker is replaced, the next time continues.
four="--set data.kappa=0.2 --set objective.plugin=lt --sweep seed.master=11,13,17,19"
long="--set train.epochs=20000 --set teacher:train.epochs=3 --set run.checkpoint=0.1"
# shellcheck disable=SC2086
"$kappa" run students.ini --db killed.db --jobs 2 $long $four >out 2>err </dev/null &
pid=$!
tried="run with a killed worker"
until_is killed.db "SELECT count(*) FROM run WHERE status = 'running' AND step > 0" 2
victim=$(rows killed.db "SELECT pid FROM run WHERE status = 'running' LIMIT 1")
is "$(cut -d' ' -f4 "/proc/$victim/stat" 2>/dev/null)" "$pid" "the worker's parent"
kill -KILL "$victim"
wait $pid
is $? 1 "exit status after a worker was killed"
has err "failed: its process was ended by signal 9 (Killed)"
has out "4 done, 0 found done, 1 failed"
is "$(rows killed.db "SELECT count(DISTINCT pid) FROM attempt")" 3 "workers, the replaced one too"
is "$(rows killed.db "SELECT error FROM run WHERE status = 'failed'")" \
    "its process was ended by signal 9 (Killed)" "the failed run's error"
# shellcheck disable=SC2086
try 0 "$kappa" run students.ini --db killed.db --jobs 2 $long $four
has out "1 done, 4 found done"

# A request to stop reaches all; a second one ends all at once; so does the end of the parent.
for signal in INT TERM HUP; do
    # shellcheck disable=SC2086
    "$kappa" run students.ini --db $signal.db --jobs 2 $long >out 2>err </dev/null &
    pid=$!
    tried="run --jobs with $signal"
    until_is $signal.db "SELECT count(*) > 1 FROM run WHERE status = 'running' AND step > 0" 1
    workers=$(rows $signal.db "SELECT DISTINCT pid FROM run WHERE status = 'running'")
    kill -$signal $pid
    wait $pid
    is $? 130 "exit status after $signal"
    has err "kappa: interrupted; to continue: kappa run students.ini --db $signal.db --jobs 2"
    is "$(grep -c 'kappa: stopping' err)" 1 "lines that say so after $signal"
    is "$(rows $signal.db "SELECT count(*) FROM run WHERE status IN ('running', 'lost')")" 0 \
        "runs that are not ended after $signal"
    for worker in $workers; do
        [ -d "/proc/$worker" ] && bad "worker $worker is alive after $signal"
    done
done
# shellcheck disable=SC2086
"$kappa" run students.ini --db parent.db --jobs 2 $long >out 2>err </dev/null &
pid=$!
until_is parent.db "SELECT count(*) > 1 FROM run WHERE status = 'running' AND step > 0" 1
kill -KILL $pid
wait $pid 2>/dev/null
until_is parent.db "SELECT count(*) FROM run WHERE status = 'running'" 0
is "$(rows parent.db "SELECT count(*) > 0 FROM run WHERE status = 'interrupted'")" 1 \
    "runs that were saved when the parent was killed"

# Bad input.
for bad_number in 0 -1 two 2000 ''; do
    try 2 "$kappa" run students.ini --jobs "$bad_number"
    has err "--jobs $bad_number: no number of processes; a whole number from 1 to 1024"
done
finish
