# test_crash.sh - a crash in a plugin's code: told with its name and the function, recorded with the
# runs it concerns, while the others go on and the database stays sound.
. "$(dirname "$0")/../cli/lib.sh"
ulimit -c 0 # crashes are what is wanted here
mkdir -p data/plugins
cp "$build/tests/sdk/crash.so" data/plugins/

cat >crash.ini <<'INI'
[plugins]
path = data/plugins
[data]
set = crash_data
root = data
n_teacher = 64
[model]
plugin = crash_model
[metrics]
plugins = accuracy crash_metric
[train]
epochs = 2
batch = 32
lr = 0.1
warmup_epochs = 0
[run]
threads = 1
[analysis.crash_metric]
of = cells
[sweep]
objective.plugin = lt, crash_loss, crash_row
INI

sound() {
    try 0 "$kappa" db check
    is "$(ask "SELECT count(*) FROM run WHERE status IN ('running', 'pending')")" 0 \
        "runs that nobody is at after: $1"
}

# crash FUNCTION SIGNAL JOBS WANTED: objectives of trainings and analyses that failed of it.
crash() {
    rm -rf kappa.db kappa.db.*
    try 1 env CRASH_AT="$1" CRASH_BY="$2" "$kappa" run crash.ini --jobs "$3"
    kind=${1% *}
    case $kind in
    objective) name=crash_${1#* } ;;
    dataset) name=crash_data ;;
    analysis) name=crash_metric ;;
    *) name=crash_$kind ;;
    esac
    case $2 in
    stack | SIGSEGV) signal="segmentation fault (SIGSEGV)" ;;
    SIGABRT) signal="abort (SIGABRT)" ;;
    SIGFPE) signal="arithmetic error (SIGFPE)" ;;
    SIGBUS) signal="bus error (SIGBUS)" ;;
    esac
    cp out summary
    has err "$kind '$name' crashed in ${1#* }: $signal"
    is "$(ask "SELECT group_concat(kind || ' ' || objective, '; ') FROM (SELECT * FROM run
        WHERE status = 'failed' AND error = '$kind ''$name'' crashed in ${1#* }: $signal'
        ORDER BY id)")" "$4" "failed of $1"
    is "$(ask "SELECT count(*) FROM run WHERE status = 'failed'")" \
        "$(echo "$4" | grep -o train\\\|analysis | wc -l)" "runs that failed, of $1"
    sound "$1"
}

all="train lt; train crash_loss; train crash_row"
crash "objective loss" SIGSEGV 1 "train crash_loss"
has summary "6 runs: 4 done, 0 found done, 1 failed, 1 skipped"
crash "objective loss" SIGABRT 2 "train crash_loss"
crash "objective row" SIGFPE 1 "train crash_row"
crash "model build" SIGBUS 1 "$all"
crash "model forward" stack 1 "$all"
crash "metric observe" SIGSEGV 1 "$all"
crash "metric result" SIGSEGV 2 "$all"
crash "dataset read" SIGSEGV 1 "$all"
crash "op forward" SIGSEGV 1 "$all"
crash "op backward" SIGSEGV 1 "$all"
crash "analysis analyse" SIGSEGV 1 "analysis lt; analysis crash_loss; analysis crash_row"

# What failed is done by the next `kappa run`, once the plugin works.
try 0 "$kappa" run crash.ini
has out "3 done, 3 found done, 0 failed"

# Before there is a run to record it with.
rm -rf kappa.db kappa.db.*
try 1 env CRASH_AT="dataset open" CRASH_BY=SIGSEGV "$kappa" run crash.ini
has err "dataset 'crash_data' crashed in open: segmentation fault (SIGSEGV)"
sound "dataset open"
try 139 env CRASH_AT="objective temperature" CRASH_BY=SIGSEGV "$kappa" plan crash.ini
has err "objective 'crash_loss' crashed in temperature: segmentation fault (SIGSEGV)"

try 2 "$kappa" --crashed kappa.db
has err "is for kappa itself"
finish
