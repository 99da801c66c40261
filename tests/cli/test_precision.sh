# test_precision.sh - a language model in fp32 and in bf16: two runs whose losses stay together.
. "$(dirname "$0")/lib.sh"
make_books
cat >both.ini <<'INI'
[include]
path = books.ini
[run]
role = teacher
[data]
n_teacher = 320
test_limit = 32
[objective]
plugin = lt
[train]
log_every = 2
[metrics]
plugins = perplexity
[seed]
master = 11
[sweep]
train.precision = fp32, bf16
INI
try 0 "$kappa" run both.ini
has out "gpt lt bf16 seed 11"
has out "gpt lt seed 11"
# At each of 20 points the losses differ by less than 1 in 100, and somewhere by more than rounding
# in fp32 could; the loss falls by more than 1 in 10 on the way.
ask "WITH loss AS (SELECT p.step, v.text AS precision, p.value FROM point p
         JOIN metric_key k ON k.id = p.key AND k.name = 'train/loss'
         JOIN param v ON v.run = p.run AND v.key = 'train.precision')
     SELECT count(*), max(abs(b.value - a.value) / a.value) < 0.01,
         max(abs(b.value - a.value) / a.value) > 1e-5, min(b.value) < 0.9 * max(b.value)
     FROM loss a JOIN loss b ON b.step = a.step AND b.precision = 'bf16'
     WHERE a.precision = 'fp32'" >answer
is "$(cat answer)" "20,1,1,1" "points, and how far apart the losses are"

# fp32 is what no word means: the run is found again, whatever its file says.
try 0 "$kappa" run both.ini --sweep train.precision=fp32
is "$(ask 'SELECT count(*) FROM run')" 2 "runs"
try 2 "$kappa" run both.ini --sweep train.precision=fp16
has err "train.precision"
has err "fp32"
has err "bf16"

# The figures and the claim beside the experiment.
mkdir precision
cp -r "$source/experiments/base" .
cp both.ini books.ini "$source/experiments/precision/"*.sql precision
try 0 "$kappa" report precision/both.ini --out report
has out "curves: "
has out "gap: "
try 0 "$kappa" claims precision/both.ini
has out "not enough data"
has out "bf16 trains as fp32 does"
finish
