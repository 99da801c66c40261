# test_plugin_path.sh - plugins that an experiment brings along.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment

mkdir mine theirs
cp "$build/tests/plugins/good.so" mine/
cp "$build/tests/plugins/same_model.so" theirs/

try 2 "$kappa" show teacher.ini --set objective.plugin=good_objective
has err "no objective 'good_objective' among the plugins"

cat >own.ini <<'INI'
[include]
path = teacher.ini
[plugins]
path = mine
[objective]
plugin = good_objective
INI
mkdir elsewhere
cd elsewhere || exit 1
try 0 "$kappa" show ../own.ini
has out "/mine ; ../own.ini:4"
cd ..

try 0 "$kappa" run own.ini --quiet
is "$(ask "SELECT objective, status FROM v_run")" "good_objective,done" "the run"
is "$(ask "SELECT name, length(sha256) FROM run_plugin WHERE kind = 'objective'")" "good,64" \
    "the record of its plugin"

# The stored configuration finds them again.
uid=$(ask "SELECT uid FROM v_run")
try 0 "$kappa" plan "kappa.db.d/$uid/run.ini"
has out "1 done"

try 2 "$kappa" show own.ini --set plugins.path=mine:theirs
has err "--set: plugins.path: "
has err "theirs/same_model.so: model 'good_model' is already in "
has err "mine/good.so; remove or rename one of them"
try 2 "$kappa" show own.ini --set plugins.path=gone
has err "gone: No such file or directory; a folder with plugins"

# Never from the working directory by itself.
cd mine || exit 1
try 2 "$kappa" show ../teacher.ini --set objective.plugin=good_objective
finish
