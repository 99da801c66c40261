# test_text.sh - language models as a user trains them: one run a curve over kappa.
. "$(dirname "$0")/lib.sh"
make_books
cat >common.ini <<'INI'
[include]
path = books.ini
[data]
name = made
n_teacher = 160
test_limit = 32
[objective]
plugin = lt
[objective.kd]
tau = 1
[train]
schedule = languini
lr_final = 0
warmup_steps = 2
decay_steps = 1000
log_every = 5
[metrics]
plugins = perplexity accuracy fidelity
INI
printf '[include]\npath = common.ini\n[run]\nrole = teacher\n' >teacher.ini
cat >students.ini <<'INI'
[include]
path = common.ini
[data]
kappa = 1.5
[train]
eval_kappas = 0.25 0.5 1
[teacher]
experiment = teacher.ini
[sweep]
objective.plugin = lt, kd
seed.master = 11, 13
INI

# A curve is one run, and all seeds read the same stream: one cohort, one teacher.
try 0 "$kappa" plan students.ini
has out "5 runs (4 cells)"
has out "1 of 4 runs"
try 0 "$kappa" run students.ini
has out "test perplexity"
is "$(grep 'kd tau 1 kappa 1.5 seed 13: done' out | grep -o 'test perplexity' | wc -l)" 1 \
    "perplexities that the end of a run tells"
is "$(ask "SELECT kappa, n FROM v_pi WHERE metric = 'test/perplexity' ORDER BY 1" | tr '\n' ' ')" \
    "0.25,2 0.5,2 1,2 1.5,2 " "kappas of v_pi"
is "$(ask "SELECT count(*) FROM v_pi WHERE metric = 'test/agreement'")" 4 "agreement at each kappa"
is "$(ask "SELECT DISTINCT v.samples, v.step FROM result v JOIN run r ON r.id = v.run WHERE
    v.kappa = 0.5 AND v.split = 'test'")" "80,10" "examples and step of kappa 0.5"

# It learns: a uniform guess among 61 tokens has a perplexity of 61, and the text has about five
# tokens that can follow each.
is "$(ask "SELECT count(*) FROM v_run r JOIN run x USING (uid) JOIN result v ON v.run = x.id
    JOIN metric_key k ON k.id = v.key AND k.name = 'test/perplexity'
    WHERE v.kappa >= 1 AND v.value > 30")" 0 "runs that did not learn"
is "$(ask "SELECT count(*) FROM event WHERE kind = 'teacher.mode' AND
    text LIKE '%live: text%'")" 2 "runs whose teacher reads along"

# Killed at any time and run again: the same numbers.
values="SELECT r.objective, r.seed, v.kappa, k.name, v.value FROM result v JOIN run r ON
    r.id = v.run
    JOIN metric_key k ON k.id = v.key ORDER BY 1, 2, 3, 4"
ask "$values" >whole.csv
[ "$(wc -l <whole.csv)" -gt 60 ] || bad "only $(wc -l <whole.csv) results"
for delay in 0.1 0.3 0.5; do
    rm -rf kappa.db*
    "$kappa" run students.ini --set run.checkpoint=0 >/dev/null 2>&1 &
    sleep $delay
    kill -9 $! 2>/dev/null
    wait $! 2>/dev/null
    try 0 "$kappa" run students.ini --set run.checkpoint=0
    ask "$values" | cmp -s - whole.csv || bad "other results after a kill at $delay s"
done

# What does not go together says so.
try 2 "$kappa" plan students.ini --set train.eval_kappas="0.5 0.25"
has err "0.25 comes after 0.5"
try 2 "$kappa" plan students.ini --set train.epochs=2
has err "kappa grows while training where the data are read once"
try 2 "$kappa" plan students.ini --set data.nested=true
has err "data.nested: belongs to random"
try 1 "$kappa" run students.ini --set teacher.mode=table
has err "the logits of every token of a text are no table"
try 1 "$kappa" run students.ini --set data.kappa=30
has err "M = 4800 student examples from number 0 on"
try 1 "$kappa" run students.ini --set model.gpt.context=16
has err "gpt's context has 16 positions"

finish
