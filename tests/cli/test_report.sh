# test_report.sh - kappa report and kappa claims, as a user types them.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment
mkdir study
mv base.ini teacher.ini students.ini study
sed -i 's/^root = data/root = ${env:KAPPA_DATA}/' study/base.ini
export KAPPA_DATA=$work/data

cat >study/accuracy.sql <<'SQL'
-- title: Accuracy
-- kind: figure
-- x: kappa
-- y: accuracy (%)
-- split: test
SELECT objective AS series, kappa AS x, mean AS y, sd, n FROM v_group
WHERE metric = 'test/accuracy' AND teacher IS NOT NULL ORDER BY objective, kappa;
SQL
echo 'plot for [i = 1:curves] data index (i - 1) using "x":"y" with lines title series[i]' \
    >study/accuracy.gp
mkdir claims
cat >claims/01-runs.sql <<'SQL'
-- title: Every student is there
-- kind: claim
-- statistics: 2 seeds for each kappa
SELECT 'kappa ' || kappa AS part, count(*) AS n, avg(value) AS mean, sd(value) AS sd,
    '2' AS bound, group_concat(seed, ' ') AS seeds, count(*) = 2 AS holds
FROM v_study WHERE metric = 'test/accuracy' GROUP BY kappa;
SQL
echo 'SELECT 1 AS n' >claims/other.sql

try 2 "$kappa" report study
has err "kappa.db: no such database"
try 0 "$kappa" run study/teacher.ini --quiet
try 0 "$kappa" report study/students.ini
has out "study/accuracy: figure, 0 rows, no rows"
has out "missing  patterns mlp from mlp kd tau 4 kappa 0.2: absent (seeds 11 13)"
try 0 "$kappa" claims study/students.ini
has out "01-runs: not enough data"
# Of two experiments alike, the one whose teacher is there stands for the folder.
printf '[include]\npath = teacher.ini\n[seed]\nmaster = 99\n' >study/other.ini
sed 's/teacher.ini/other.ini/' study/students.ini >study/any.ini
try 0 "$kappa" report study --out pages
has pages/index.html "study/students.ini"
rm study/any.ini study/other.ini

try 0 "$kappa" run study/students.ini --quiet
try 0 "$kappa" report study/students.ini --out pages
has out "pages/index.html"
lacks out "missing"
has pages/study/accuracy.dat '"kd"'
has pages/study/accuracy.txt "n = 2"
has pages/index.html "FROM v_group"
if command -v gnuplot >/dev/null; then
    has pages/study/accuracy.svg "<svg"
    [ -s pages/study/accuracy.pdf ] || bad "no PDF"
    has pages/index.html "data:image/svg+xml"
fi
# A folder stands for the experiment in it; the folder of folders for all of them.
try 0 "$kappa" report study --out other
has out "study/accuracy: figure"
cmp -s pages/study/accuracy.csv other/study/accuracy.csv || bad "a folder gives other numbers"
try 0 "$kappa" report . --out all
has out "claims/01-runs: claim, 2 rows, holds"
has out "study/accuracy: figure"

try 0 "$kappa" claims study/students.ini
has out "01-runs: holds, indicative"
has out "1 claims: 1 hold, 0 do not hold, 0 without enough data"
try 0 "$kappa" claims claims --format csv
is "$(tr -d '\r' <out | head -2 | cut -d, -f1-5 | tail -1)" "01-runs,holds,1,kappa 0.2,2" "CSV"
try 0 "$kappa" claims claims --format json
python3 -c '
import json, sys
claim = json.load(sys.stdin)[0]
assert claim["verdict"] == "holds" and claim["indicative"] and len(claim["rows"]) == 2' <out ||
    bad "JSON"

# The settings of the run must be those of the report.
try 0 "$kappa" report study/students.ini --set train.epochs=4
has out "absent (seeds 11 13)"

# Bad files are named, the others still come.
sed 's/AS holds/AS/' claims/01-runs.sql >claims/02-bad.sql
try 2 "$kappa" claims claims
has out "01-runs: holds"
has err "claims/02-bad.sql:6: SQL: near"
has err "syntax error"
rm claims/02-bad.sql
echo 'nonsense' >study/accuracy.gp
if command -v gnuplot >/dev/null; then
    try 2 "$kappa" report study --out pages
    has err "study/accuracy.gp: gnuplot:"
    has pages/index.html "gnuplot:"
fi
PATH_KEPT=$PATH
PATH=/nowhere try 0 "$kappa" report study --out bare
has err "Debian's"
PATH=$PATH_KEPT
[ -s bare/study/accuracy.csv ] || bad "no CSV without gnuplot"

try 2 "$kappa" report nowhere
has err "nowhere: No such file or directory"
mkdir empty
try 2 "$kappa" report empty
has err "no .sql file"
try 2 "$kappa" report study --out ''
has err "--out: an empty name"
echo x >taken
try 1 "$kappa" report study --out taken
has err "taken"
finish
