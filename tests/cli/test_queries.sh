# test_queries.sh - each query of experiments/sql on a small invented study, against tests/golden.
# KAPPA_GOLDEN=write replaces the golden files.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || {
    echo "skipped: python3 is not installed"
    exit 77
}
python3 "$source/tests/cli/make_runs.py" "$source/core/store/schema.sql" "$work/runs.db" || exit 1
cd "$source" || exit 1

"$kappa" sql --list >"$work/list" || bad "sql --list"
for file in experiments/sql/*.sql; do
    name=$(basename "$file" .sql)
    golden=tests/golden/sql/$name.txt
    head -1 "$file" | grep -q '^-- title: .' || bad "$file: its first line is no title"
    grep -q "^$name  *[^ ]" "$work/list" || bad "$name: not listed with a title"
    "$kappa" sql "$name" --db "$work/runs.db" >"$work/out" 2>"$work/err" ||
        bad "$name: $(cat "$work/err")"
    [ "${KAPPA_GOLDEN:-}" != write ] || cp "$work/out" "$golden"
    cmp -s "$work/out" "$golden" || {
        bad "$name differs from $golden:"
        diff "$golden" "$work/out" | head -20
    }
done
is "$(ls experiments/sql/*.sql | wc -l)" "$(ls tests/golden/sql/*.txt | wc -l)" "golden files"

cd "$work" || exit 1
try 0 "$kappa" sql --list
cmp -s out list || bad "other queries are listed elsewhere"
mkdir -p own/experiments/sql
cd own || exit 1
printf -- '-- title: mine\nSELECT 1 AS one\n' >experiments/sql/mine.sql
try 0 "$kappa" sql --list
is "$(cat out)" "mine                mine" "the working directory's queries come first"
cd ..
try 2 "$kappa" sql pi-tabel --db runs.db
has err "pi-tabel: no query of this name"
try 2 "$kappa" sql --db runs.db
has err "no query"
finish
