# test_claims.sh - the figures, tables and claims of experiments/ on an invented study.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || {
    echo "skipped: python3 is not installed"
    exit 77
}
# Without experiments beside them, queries are asked of the whole database.
(cd "$source/experiments" && find . -name '*.sql' -o -name '*.gp' | tar cf - -T -) | tar xf -
python3 "$source/tests/cli/make_study.py" "$source/core/store/schema.sql" kappa.db || exit 1
python3 "$source/tests/cli/make_study.py" "$source/core/store/schema.sql" turned.db turned || exit 1

# Where the study is as claimed, every claim holds; where it is the other way round, none.
try 0 "$kappa" claims claims
has out "23 claims: 23 hold, 0 do not hold, 0 without enough data"
has out "05-table2-cifar100: holds"
lacks out "05-table2-cifar100: holds, indicative"
has out "10-students-cluster: holds, indicative"
try 0 "$kappa" claims claims --db turned.db
has out "23 claims: 0 hold, 22 do not hold, 1 without enough data"
has out "13-kappa-star: not enough data"
has out "decided by: kappa run fig7/small.ini --db turned.db"

# What a claim asks for is there to be run.
for from in $(sed -n 's/^-- from: //p' claims/*.sql); do
    [ -f "$source/experiments/claims/$from" ] || bad "no experiment $from"
done
[ "$(grep -L '^-- from: ' claims/*.sql)" = "" ] || bad "a claim does not say what decides it"

# Every query answers, every figure is drawn.
try 0 "$kappa" report . --out report
lacks out " 0 rows"
for figure in $(grep -l '^-- kind: figure' ./*/*.sql); do
    drawn=report/${figure%.sql}.svg
    command -v gnuplot >/dev/null && [ ! -s "$drawn" ] && bad "$figure is not drawn"
done
# Values that the invented study has by construction: PI of 7 points at kappa 0.1, a gap of
# 4 / sqrt(kappa), a spectrum that drops behind 99, a matrix of six students.
has report/table2/increments.csv "cifar10-small,cifar10,cnn,kd tau 20,0.1,5,56.24,0.50,+7.00,"
has report/fig13/fit.csv "cifar10-small,cnn,cnn,6,5,4,1,-0.5"
has report/fig17/drop.csv "tiny32-small,tiny32,cnn,kd,20,1,3,99,20.5"
is "$(grep -c "kappa 0.2,1," report/fig5/matrix.csv)" 6 "students in a line of the matrix"
is "$(grep -c "^tiny32,teacher," report/fig17/spectrum.csv)" 160 "eigenvalues of the teacher"
has report/fig7/kappa-star.csv "cifar10-small,cifar10,cnn,cnn,5,1.124,1.193,"
finish
