# lib.sh - what the command-line tests share; sourced by each with the program, the source folder
# and the build folder as arguments. Each test works in an empty folder of its own.
set -u
# Where this was started with SIGHUP ignored (nohup), so would be every program it starts; a shell
# cannot undo that.
[ -n "${KAPPA_TEST_SIGNALS-}" ] ||
    KAPPA_TEST_SIGNALS=default exec env --default-signal=HUP,INT,TERM sh "$0" "$@"
kappa=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
source=$2
build=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset KAPPA_DATA KAPPA_PLUGINS KAPPA_CPU_LEVEL NO_COLOR
export LC_ALL=C
failures=0

bad() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# try STATUS COMMAND...: run it, keep its output in the files out and err, check its exit status.
try() {
    want=$1
    shift
    "$@" >out 2>err </dev/null
    got=$?
    tried=$*
    [ "$got" -eq "$want" ] && return
    bad "exit status $got, wanted $want: $tried"
    sed 's/^/    /' out err
}

# has FILE TEXT: the last command's output holds the text; lacks: it does not.
has() {
    grep -qF -e "$2" "$1" && return
    bad "no '$2' in $1 of: $tried"
    sed 's/^/    /' "$1"
}

lacks() {
    grep -qF -e "$2" "$1" || return 0
    bad "'$2' in $1 of: $tried"
    sed 's/^/    /' "$1"
}

# ask QUERY: the answer of the database kappa.db without its header, values separated by commas.
ask() {
    "$kappa" sql --format csv "$1" | tr -d '\r' | tail -n +2
}

# is TEXT WANTED WHAT
is() {
    [ "$1" = "$2" ] || bad "$3: '$1', wanted '$2'"
}

# A dataset of 10 classes that a small net learns in a few steps.
make_data() {
    command -v python3 >/dev/null || {
        echo "skipped: python3 is not installed"
        exit 77
    }
    python3 "$source/tests/cli/make_idx.py" data "$@" || exit 1
}

# teacher.ini and students.ini over it.
make_experiment() {
    cat >base.ini <<'INI'
[data]
format = idx
name = patterns
root = data
mean = 0.5
sd = 0.25
n_teacher = 200
[model]
plugin = mlp
[model.mlp]
hidden = 16
[train]
epochs = 3
batch = 32
lr = 0.1
warmup_epochs = 0
[run]
threads = 1
INI
    cat >teacher.ini <<'INI'
[include]
path = base.ini
[run]
role = teacher
[objective]
plugin = lt
INI
    cat >students.ini <<'INI'
[include]
path = base.ini
[objective.kd]
tau = 4
[teacher]
experiment = teacher.ini
[sweep]
data.kappa = 0.2, 0.5
objective.plugin = lt, kd
seed.master = 11, 13
INI
}

# Books of 61 tokens in the folder tokens, and books.ini: a language model that learns them in a few
# steps. Says neither the role nor the objective.
make_books() {
    command -v python3 >/dev/null || {
        echo "skipped: python3 is not installed"
        exit 77
    }
    python3 "$source/tests/cli/make_tokens.py" tokens || exit 1
    cat >books.ini <<'INI'
[data]
set = languini
root = tokens
draw = first
order = fixed
[data.languini]
rows = 4
window = 32
test_rows = 4
[model]
plugin = gpt
[model.gpt]
width = 32
depth = 1
heads = 2
head_width = 16
mlp = 64
context = 32
[train]
epochs = 1
batch = 8
optimizer = adam
lr = 1e-2
schedule = constant
INI
}

finish() {
    [ "$failures" -eq 0 ] && exit 0
    echo "$failures checks failed"
    exit 1
}
