# test_bad_config.sh - experiments that are wrong: the message, status 2, and nothing is made.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment

# refused TEXT COMMAND...: `kappa run` with these arguments fails in these words.
refused() {
    text=$1
    shift
    try 2 "$kappa" run "$@"
    has err "$text"
    is "$(grep -vc '^kappa: ' err)" 0 "lines that do not say who speaks"
    if [ -e kappa.db ] || [ -e kappa.db.d ]; then
        bad "a database was made by: $tried"
        rm -rf kappa.db*
    fi
}

refused "nothing.ini" nothing.ini
refused "train.batch" teacher.ini --set train.bach=3
refused "batch" teacher.ini --set train.batch=many
refused "1 to 65536" teacher.ini --set train.batch=0
refused "momentum" teacher.ini --set train.nesterov=true
refused "mlp" teacher.ini --set model.plugin=mlq
refused "kd" students.ini --set objective.plugin=kb
refused "objective.kd.tau" students.ini --set objective.plugin=kd --set objective.kd.tao=4
refused "teacher" teacher.ini --set objective.plugin=kd
refused "lots" students.ini --sweep data.kappa=0.1,lots

# A sweep that is too large to be meant; with --yes the next thing that is wrong is told.
many=$(seq -s , 1 500)
refused "students.ini: sweep: 1000000 cells, more than 100000" students.ini \
    --sweep "seed.master=$many" --sweep "train.epochs=$many"
has err "or --yes if they are meant"
refused "nowhere.ini" students.ini --sweep "seed.master=$many" --sweep "train.epochs=$many" --yes \
    --set teacher.experiment=nowhere.ini
lacks err "cells"

printf '[data]\nformat = idx\nfromat = idx\n[trian]\nepochs = 3\n[train]\nlr = fast\n' >several.ini
refused "several.ini:3" several.ini
has err "several.ini:5"
has err "several.ini:7"
has err "errors; nothing was run"

printf '[include]\npath = b.ini\n' >a.ini
printf '[include]\npath = a.ini\n' >b.ini
refused "a.ini" a.ini
has err "b.ini"
printf '[data\nformat = idx\n' >syntax.ini
refused "syntax.ini:1" syntax.ini
{ cat teacher.ini && printf '[run]\nname = %0250d\n' 1; } >long.ini
try 0 "$kappa" show teacher.ini
try 2 "$kappa" show long.ini
has err "long.ini:8"
has err "indented"
head -c 3000000 /dev/zero | tr '\0' 'x' >huge.ini
refused "huge.ini" huge.ini
head -c 300 /dev/urandom >noise.ini
try 2 "$kappa" run noise.ini

# The teacher and its pool.
refused "nowhere.ini" students.ini --set teacher.experiment=nowhere.ini
refused "data.n_teacher" students.ini --set teacher:data.n_teacher=100
refused "for a sweep" students.ini --set teacher.experiment=students.ini
refused "role = teacher" students.ini --set teacher.experiment=base.ini \
    --set teacher:objective.plugin=lt
refused "a run is looked up in the run database" \
    students.ini --set teacher.experiment= --set teacher.run=01ABC
refused "weights.safetensors" students.ini --set teacher.experiment= \
    --set teacher.file=weights.safetensors
finish
