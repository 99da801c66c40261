# test_interrupt.sh - Ctrl-C, a second one, kill -9: what was begun is continued to the same bits.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment
long="--set train.epochs=6000 --set run.checkpoint=0.1"

# start DB: a run in the background; wait until it has saved a checkpoint.
start() {
    # shellcheck disable=SC2086
    "$kappa" run teacher.ini --db "$1" $long >out 2>err </dev/null &
    pid=$!
    tried="interrupted run with $1"
    i=0
    while [ $i -lt 200 ]; do
        saved=$("$kappa" sql "$1" "SELECT count(*) FROM artifact" --format csv 2>/dev/null |
            tr -d '\r' | tail -n 1)
        [ "${saved:-0}" -ge 1 ] && return
        i=$((i + 1))
        sleep 0.05
    done
    bad "the run saved nothing within ten seconds"
}

state() {
    "$kappa" sql "$1" "SELECT status || ' ' || attempt FROM run" --format csv | tr -d '\r' |
        tail -n 1
}

# same DB: continue it, and compare with the run that was never stopped.
same() {
    # shellcheck disable=SC2086
    try 0 "$kappa" run teacher.ini --db "$1" $long
    is "$(state "$1")" "done 2" "state after continuing $1"
    cmp whole.db.d/*/model.safetensors "$1".d/*/model.safetensors || bad "$1: other weights"
    "$kappa" sql whole.db "SELECT p.step, k.name, p.value FROM point p JOIN metric_key k
        ON k.id = p.key ORDER BY 1, 2" --format csv >points
    "$kappa" sql "$1" "SELECT p.step, k.name, p.value FROM point p JOIN metric_key k
        ON k.id = p.key ORDER BY 1, 2" --format csv | cmp -s - points || bad "$1: other points"
}

# shellcheck disable=SC2086
try 0 "$kappa" run teacher.ini --db whole.db $long

for signal in INT TERM HUP; do
    start $signal.db
    kill -$signal "$pid"
    wait "$pid"
    is $? 130 "exit status after $signal"
    has err "kappa: interrupted; to continue: kappa run teacher.ini --db $signal.db"
    has out "interrupted"
    is "$(state $signal.db)" "interrupted 1" "state after $signal"
    try 0 "$kappa" plan teacher.ini --db $signal.db --set train.epochs=6000
    has out "started"
    [ $signal = INT ] || continue
    same $signal.db
done

# A second request ends it at once, wherever it is; so does kill -9. The database knows.
start kill.db
kill -KILL "$pid"
wait "$pid" 2>/dev/null
same kill.db

start twice.db
kill -INT "$pid"
kill -INT "$pid"
wait "$pid"
is $? 130 "exit status after two signals"
# shellcheck disable=SC2086
try 0 "$kappa" run teacher.ini --db twice.db $long
cmp whole.db.d/*/model.safetensors twice.db.d/*/model.safetensors || bad "twice.db: other weights"
finish
