# test_text_analyses.sh - analyses of language models along the curves of their training, as a user
# types it.
. "$(dirname "$0")/lib.sh"
make_books
cat >common.ini <<'INI'
[include]
path = books.ini
[data]
n_teacher = 240
student_pool = subset
[train]
batch = 4
lr = 0.003
[run]
threads = 1
INI
cat >teacher.ini <<'INI'
[include]
path = common.ini
[run]
role = teacher
[objective]
plugin = lt
INI
# 22 windows of 32 tokens in each of the four rows of the test books, the last one padded.
cat >students.ini <<'INI'
[include]
path = common.ini
[teacher]
experiment = teacher.ini
[data]
kappa = 0.8
[train]
eval_kappas = 0.1 0.4
keep = kappas
[sweep]
objective.plugin = lt, kd
[analysis.cka]
at = kappas
n = 2688
weight = both
normalise_rows = false
[analysis.feature_alignment]
at = kappas
normalise_rows = false
[analysis.flops]
at = kappas
INI
try 0 "$kappa" run students.ini
is "$(ask "SELECT name, count(*) FROM run WHERE kind = 'analysis' AND status = 'done' GROUP BY 1" |
    tr '\n' ' ')" "cka,6 feature_alignment,6 flops,6 " "analyses"
is "$(ask "SELECT metric, estimator, n, kappa, count(*) FROM v_pairwise WHERE metric GLOB
    'test/[cf]*' GROUP BY 1, 4")" "test/cka,biased,2688,0.1,2
test/cka,biased,2688,0.4,2
test/cka,biased,2688,0.8,2
test/cka_weighted,biased freq,2688,0.1,2
test/cka_weighted,biased freq,2688,0.4,2
test/cka_weighted,biased freq,2688,0.8,2
test/feature_alignment,raw rows,2688,0.1,2
test/feature_alignment,raw rows,2688,0.4,2
test/feature_alignment,raw rows,2688,0.8,2" "what was compared"
is "$(ask "SELECT kappa, count(*) FROM v_pair WHERE metric = 'test/cka_weighted' GROUP BY 1" |
    tr '\n' ' ')" "0.1,1 0.4,1 0.8,1 " "pairs along the curve"

# Multiply-adds for each token: attention 4 x 32 x 32 and 2 x 32 x 32, MLP 2 x 32 x 64, head
# 32 x 64. A window has 32 of them; kd asks a teacher of the same size as well.
forward=$((2 * 32 * (4 * 32 * 32 + 2 * 32 * 32 + 2 * 32 * 64 + 32 * 64)))
is "$(ask "SELECT r.objective, v.kappa, v.samples, v.value / $forward / v.samples FROM result v
    JOIN run r ON r.id = v.run JOIN metric_key k ON k.id = v.key
    WHERE k.name = 'run/train_flops' ORDER BY 1, 2" | tr '\n' ' ')" \
    "kd,0.1,24,4 kd,0.4,96,4 kd,0.8,192,4 lt,0.1,24,3 lt,0.4,96,3 lt,0.8,192,3 " "FLOPs"
is "$(ask "SELECT count(*), max(abs(p.flops / p.samples * v.samples / v.value - 1)) < 1e-12
    FROM result v JOIN metric_key k ON k.id = v.key AND k.name = 'run/train_flops'
    JOIN point p ON p.run = v.run JOIN metric_key l ON l.id = p.key AND l.name = 'train/loss'")" \
    "6,1" "FLOPs of the curve"

# Clearing up leaves the weights of the curve, as long as their run is there.
try 0 "$kappa" db gc
is "$(ask "SELECT role, count(*) FROM artifact WHERE role GLOB 'model@*' GROUP BY 1" |
    tr '\n' ' ')" "model@0.1,2 model@0.4,2 " "kept weights"
is "$(ls kappa.db.d/*/model@*.safetensors | wc -l)" 4 "their files"
try 0 "$kappa" run students.ini
has out "21 found done"
try 0 "$kappa" run students.ini --set analysis.cka.at=end --set analysis.flops.at=end
has out "13 found done"
for python in python3 /usr/bin/python3; do
    "$python" -c 'import numpy, torch' 2>/dev/null || continue
    "$python" -B "$source/tests/cli/check_text_analyses.py" "$source" tokens kappa.db ||
        bad "PyTorch finds other values"
    break
done

# More tokens than there are; what an analysis cannot do with text.
try 0 "$kappa" run students.ini --set analysis.cka.many.n=2689
is "$(ask "SELECT DISTINCT absent FROM v_analysis WHERE name = 'cka.many'")" \
    "\"there are 2688 examples, 2689 are wanted\"" "one token more"
try 1 "$kappa" run students.ini --set analysis.ntk.n=8
has err "gradients of single examples are for examples with one label; those of languini"

# A part of a window.
try 0 "$kappa" run students.ini --set analysis.cka.part.n=50
is "$(ask "SELECT DISTINCT n, value BETWEEN 0 AND 1 FROM v_pairwise
    WHERE metric = 'test/cka_part'")" "50,1" "part of a window"

# Nothing kept: said before anything is done.
try 2 "$kappa" run students.ini --set train.keep=end
has err "analysis.cka.at: kappas, but the run keeps no weights below its kappa 0.8; train.keep = "
finish
