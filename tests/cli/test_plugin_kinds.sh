# test_plugin_kinds.sh - datasets and operations of plugins, from an experiment to its record.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment

cat >teacher.ini <<'INI'
[plugins]
path = EXAMPLES
[run]
role = teacher
threads = 1
[data]
set = gaussians
n_teacher = 300
dev = 0.1
[data.gaussians]
dimensions = 6
classes = 3
distance = 2.5
test = 500
[model]
plugin = mlp
[model.mlp]
hidden = 16
[objective]
plugin = lt
[train]
epochs = 4
batch = 32
lr = 0.1
warmup_epochs = 0
INI
cat >student.ini <<'INI'
[include]
path = teacher.ini
[run]
role = student
[data]
kappa = 3
student_pool = disjoint
[objective]
plugin = dkd
[teacher]
experiment = teacher.ini
[analysis.knn]
k = 5
examples = 400
INI
sed -i "s|EXAMPLES|$build/plugins/examples|" teacher.ini

# Endless data need no folder, and a student may have more of them than its teacher.
unset KAPPA_DATA
try 0 "$kappa" run student.ini --quiet
is "$(ask "SELECT count(*) FROM run WHERE status = 'done'")" 3 "teacher, student, analysis"
is "$(ask "SELECT dataset, m, n FROM run WHERE objective = 'dkd' AND kind = 'train'")" \
    "gaussians,900,300" "the student's data"
is "$(ask "SELECT run_plugin.kind, run_plugin.name FROM run_plugin JOIN run ON run.id = run
           WHERE objective = 'dkd' AND run.kind = 'train' AND run_plugin.kind != 'metric'
           ORDER BY 1")" "dataset,gaussians
model,mlp
objective,dkd" "its plugins"
is "$(ask "SELECT DISTINCT text FROM param WHERE key = 'data.version'")" 1 "the version"
is "$(ask "SELECT role, count, overlap FROM subset JOIN run ON run.id = run
           WHERE objective = 'dkd' ORDER BY 1")" "dev,30,0
train,900,0" "its subsets"
is "$(ask "SELECT count(*) FROM v_run WHERE test_accuracy BETWEEN 75 AND 97")" 2 "accuracy"

uid=$(ask "SELECT uid FROM run WHERE objective = 'dkd' AND kind = 'train'")
try 0 "$kappa" rerun "$uid"
has out "bit for bit the same"
try 0 "$kappa" plan "kappa.db.d/$uid/run.ini"
has out "3 done"

# The same bits however many threads, alone or in lockstep with others.
try 0 "$kappa" run student.ini --quiet --db three.db --set run.threads=3 \
    --sweep objective.plugin=lt,dkd
weights() {
    sqlite3 "$1" "SELECT a.sha256 FROM artifact a JOIN run ON run.id = a.run
                  WHERE objective = 'dkd' AND run.kind = 'train' AND a.role = 'model'"
}
if command -v sqlite3 >/dev/null; then
    is "$(weights three.db)" "$(weights kappa.db)" "weights with three threads"
fi

# Its options are keys of the experiment and part of the hash; where data lie is not.
hash_of() {
    "$kappa" show teacher.ini "$@" | sed -n 's/^; configuration *//p'
}
usual=$(hash_of)
is "$(hash_of --set data.root=/elsewhere)" "$usual" "the hash with another folder"
[ "$(hash_of --set data.gaussians.seed=2)" != "$usual" ] || bad "the hash knows no option"
try 0 "$kappa" plan teacher.ini --sweep data.gaussians.distance=1,2,3
has out "3 missing"
try 2 "$kappa" show teacher.ini --set data.gaussians.distnace=1
has err "data.gaussians.distnace: unknown key; did you mean data.gaussians.distance?"
try 2 "$kappa" show teacher.ini --set data.gaussians.classes=1
has err "data.gaussians.classes: '1' is out of range; integer, 2 to 65536"
try 2 "$kappa" plan student.ini --set data.gaussians.seed=2
has err "the options of [data.gaussians] differ between teacher and student: make them equal"

# What does not go together.
try 2 "$kappa" show teacher.ini --set data.set=gausians
has err "data.set: no dataset 'gausians' among the plugins; did you mean 'gaussians'?"
try 2 "$kappa" show teacher.ini --set data.format=idx
has err "data.set: 'gaussians' is given beside data.format = idx; leave one of them out"
try 2 "$kappa" show teacher.ini --set data.set=
has err "data.format: not given; the name of a dataset format, or data.set, that of a plugin"
has err "data.mean: not given; "
try 2 "$kappa" show teacher.ini --set data.pad_to=8
has err "data.pad_to: belongs to data.format, and the data come from data.set = gaussians"
try 1 "$kappa" run teacher.ini --set data.flip=true --db flip.db
has err "data.flip, crop_pad and rotate are for images of bytes"
try 1 "$kappa" run teacher.ini --set data.mean=0.5 --set data.sd=1 --db mean.db
has err "gaussians has 0 channels of bytes, its numbers are used as they are"
try 1 "$kappa" run teacher.ini --set data.set=npyfolder --db npy.db
has err "dataset 'npyfolder': no folder is given; set [data] root"
try 1 "$kappa" run teacher.ini --set data.set=npyfolder --set data.root=data --db npy.db
has err "dataset 'npyfolder': data/train_x.npy: No such file or directory"

# An operation that a model asks for.
cat >norm.ini <<'INI'
[include]
path = base.ini
[run]
role = teacher
[model]
plugin = group_norm_cnn
[model.group_norm_cnn]
channels = 8 16
groups = 4
[objective]
plugin = lt
INI
KAPPA_PLUGINS=$build/plugins/examples
export KAPPA_PLUGINS
try 0 "$kappa" run norm.ini --quiet --db norm.db
try 0 "$kappa" sql --db norm.db "SELECT kind, name FROM run_plugin WHERE kind IN ('model', 'op')"
has out "op     group_norm"
try 1 "$kappa" run norm.ini --db norm.db --set model.group_norm_cnn.groups=3
has err "operation 'group_norm': x must be (N, C, ...) with C a multiple of groups = 3; C is 8"
try 0 "$kappa" info group_norm
has out "op group_norm"
has out "eps    = 1e-5"
try 0 "$kappa" info gaussians
has out "[data.gaussians]"
try 0 "$kappa" list
has out "  swap_axes         Exchanges the last two dimensions of (N, A, B)."
has out "  npyfolder         A folder of NumPy arrays"
finish
