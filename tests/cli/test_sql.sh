# test_sql.sh - kappa sql, and databases that are none.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment

try 2 "$kappa" sql "SELECT 1"
has err "kappa.db: no such database"
[ ! -e kappa.db ] || bad "sql made a database"
try 0 "$kappa" run teacher.ini --quiet
is "$(cat out err)" "" "what --quiet says"

try 0 "$kappa" sql "SELECT kind, model, objective, status FROM run"
has out "kind"
has out "done"
try 0 "$kappa" sql kappa.db "SELECT status FROM run" --format csv
is "$(tr -d '\r' <out)" "$(printf 'status\ndone')" "CSV"
try 0 "$kappa" sql --format json "SELECT status, 1.5 AS x, NULL AS y FROM run"
python3 -c '
import json, sys
assert json.load(sys.stdin) == [{"status": "done", "x": 1.5, "y": None}]' <out ||
    bad "JSON"
echo "SELECT count(*) AS n FROM run" >query.sql
try 0 "$kappa" sql query.sql --format csv
is "$(tr -d '\r' <out)" "$(printf 'n\n1')" "a query from a file"
"$kappa" sql --format csv - <query.sql >out || bad "a query from standard input"
is "$(tr -d '\r' <out)" "$(printf 'n\n1')" "a query from standard input"

sha256sum kappa.db >before
for query in "DELETE FROM run" "DROP TABLE run" "UPDATE run SET status = 'failed'" \
    "PRAGMA user_version = 9" "ATTACH 'other.db' AS x" "VACUUM INTO 'copy.db'" \
    "CREATE TABLE t (a)" "BEGIN" "SELECT 1; DELETE FROM run"; do
    try 2 "$kappa" sql "$query"
    has err "kappa: "
done
sha256sum --quiet -c before || bad "the database changed"
[ ! -e other.db ] && [ ! -e copy.db ] || bad "a file was made"
try 2 "$kappa" sql "SELEKT 1"
has err "syntax error"
try 2 "$kappa" sql "SELECT nothing FROM run"
has err "nothing"
try 2 "$kappa" sql ""
try 2 "$kappa" sql missing.sql
has err "missing.sql"
try 2 "$kappa" sql other.db "SELECT 1"
has err "other.db: no such database"

# Files that are no run database, or one of a newer kappa, are refused and left as they are.
echo "a letter" >letter.db
python3 - <<'PY'
import sqlite3
other = sqlite3.connect("foreign.db")
other.execute("CREATE TABLE address (name TEXT)")
other.commit()
newer = sqlite3.connect("newer.db")
newer.execute("PRAGMA application_id = %d" % 0x4b415050)
newer.execute("PRAGMA user_version = 99")
newer.execute("CREATE TABLE run (id INTEGER)")
newer.commit()
PY
for name in letter foreign newer; do
    sha256sum $name.db >before
    for command in "sql --db $name.db 'SELECT 1'" "run teacher.ini --db $name.db" \
        "plan teacher.ini --db $name.db" "show teacher.ini --db $name.db"; do
        try 2 sh -c "'$kappa' $command"
        has err "$name.db"
    done
    sha256sum --quiet -c before || bad "$name.db changed"
    try 1 "$kappa" doctor --db $name.db
    has out "problem  database"
done
try 2 "$kappa" run teacher.ini --db newer.db
has err "99"
try 2 "$kappa" run teacher.ini --db foreign.db
has err "not a kappa"
finish
