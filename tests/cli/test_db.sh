# test_db.sh - kappa db: databases are joined without duplicates, checked and cleaned.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment

# change DB SQL: as no kappa would.
change() {
    python3 - "$1" "$2" <<'PY' || bad "cannot change $1"
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.executescript(sys.argv[2])
db.commit()
PY
}

# rows DB QUERY: the answer without its header.
rows() {
    "$kappa" sql --db "$1" --format csv "$2" | tr -d '\r' | tail -n +2
}

everything="SELECT r.config_hash, k.name, v.split, v.kappa, v.value FROM result v JOIN run r
    ON r.id = v.run JOIN metric_key k ON k.id = v.key ORDER BY 1, 2, 3, 4"
try 0 "$kappa" run students.ini --db a.db --set data.kappa=0.2
try 0 "$kappa" run students.ini --db b.db --set data.kappa=0.5
try 0 "$kappa" run students.ini --db whole.db

# The halves make the whole; the teacher that both trained is there once.
try 0 "$kappa" db merge all.db a.db b.db
has out "a.db: 5 runs: 5 added, 0 known"
has out "b.db: 5 runs: 4 added, 1 known"
rows whole.db "$everything" >wanted
rows all.db "$everything" | cmp -s - wanted ||
    bad "the merged results are not those of one database"
is "$(rows all.db "SELECT count(*), sum(teacher_run IS NOT NULL) FROM run")" "9,8" "merged runs"
is "$(rows all.db "SELECT count(*) FROM point")" "$(rows whole.db "SELECT count(*) FROM point")" \
    "merged points"
is "$(rows all.db "SELECT count(DISTINCT teacher_run) FROM run")" 1 "teachers of all students"
try 0 "$kappa" db check all.db
has out "9 runs, "
has out "0 problems"
try 0 "$kappa" run students.ini --db all.db
has out "0 done, 9 found done"

# Again, and from a copy of itself: nothing changes.
rows all.db "SELECT * FROM run ORDER BY id" >before
try 0 "$kappa" db merge all.db a.db b.db
has out "a.db: 5 runs: 0 added, 5 known"
has out "0 files copied"
rows all.db "SELECT * FROM run ORDER BY id" | cmp -s - before || bad "a second merge changes rows"

# The same configuration with another result: both are kept, and counted as one seed.
groups=$(rows all.db "SELECT count(*), max(n) FROM v_group")
try 0 "$kappa" run students.ini --db other.db --set data.kappa=0.5 --set seed.master=13
change other.db "UPDATE result SET value = value + 1 WHERE run = (SELECT id FROM run WHERE
    objective = 'kd')"
try 0 "$kappa" db merge all.db other.db
has out "3 runs: 0 added, 2 known, 0 brought further, 1 kept beside another"
has err "have one configuration and different results (test/accuracy is "
is "$(rows all.db "SELECT count(*) FROM v_run")" 10 "runs after a conflict"
is "$(rows all.db "SELECT max(n) FROM v_group")" "${groups#*,}" "seeds after a conflict"
is "$(rows all.db "SELECT kind FROM event WHERE kind = 'conflict'")" conflict "the event"
try 0 "$kappa" db merge all.db other.db
has out "3 runs: 0 added, 3 known"
is "$(rows all.db "SELECT count(*) FROM v_run")" 10 "runs after a second merge"

# A run that is further elsewhere takes the other's place.
cp teacher.ini long.ini
"$kappa" run long.ini --db part.db --set train.epochs=6000 --set run.checkpoint=0.1 >out 2>err &
pid=$!
i=0
checkpoints="SELECT count(*) FROM artifact WHERE role = 'checkpoint'"
while [ "$(rows part.db "$checkpoints" 2>/dev/null)" != 1 ]
do
    i=$((i + 1))
    [ $i -lt 200 ] || { bad "no checkpoint within ten seconds"; break; }
    sleep 0.05
done
try 0 "$kappa" db merge early.db part.db
has err "is being worked on: merge again when it is done"
has out "1 left out"
kill -KILL $pid
wait $pid 2>/dev/null
try 0 "$kappa" db merge early.db part.db
has out "1 runs: 1 added"
is "$(rows early.db "SELECT status FROM run")" lost "a run whose process is gone"
try 0 "$kappa" run long.ini --db part.db --set train.epochs=6000
try 0 "$kappa" db merge early.db part.db
has out "1 brought further"
is "$(rows early.db "SELECT status || ' ' || attempt FROM run")" "done 2" "after it was done"
try 0 "$kappa" db check early.db

# What nothing refers to goes; weights stay; what was just written stays.
model=$(ls -d all.db.d/*/model.safetensors | head -n 1)
touch all.db.d/old
find all.db.d -type f -exec touch -t 202001010000 {} +
touch all.db.d/new
try 0 "$kappa" db check all.db
has out "1 files of"
try 0 "$kappa" db gc --dry-run all.db
has out "all.db.d/old"
has out "would remove"
[ -f all.db.d/old ] || bad "--dry-run removes"
try 0 "$kappa" db gc all.db
[ -f all.db.d/old ] && bad "gc leaves what nobody recorded"
[ -f all.db.d/new ] || bad "gc removes what may be recorded in a moment"
try 0 "$kappa" db check all.db
lacks out "nothing refers to"
[ -f "$model" ] || bad "gc removes weights"
try 0 "$kappa" run students.ini --db all.db --set objective.plugin=kd --set objective.kd.tau=9
has out "4 done"

# Damage is found and named.
echo >>"$model"
try 1 "$kappa" db check all.db
has err "$model: not as long as recorded"
try 2 "$kappa" db merge fresh.db all.db
has err "$model: damaged: sha256 "
mv whole.db.d away
try 1 "$kappa" db check whole.db
has err "none of its "
has err "the folder whole.db.d belongs to the database and is moved with it"
try 1 "$kappa" db merge fresh2.db whole.db
has err "the folder whole.db.d belongs to the database and is moved with it"
try 0 "$kappa" run students.ini --db whole.db
has err "kappa: warning: whole.db.d/"
has err "is moved with it; 'kappa db check' names all that is missing"
try 1 "$kappa" run students.ini --db whole.db --set objective.plugin=kd --set objective.kd.tau=9
has err "belongs to the database and is moved with it"
mv away whole.db.d

# Bad input.
change b.db "PRAGMA user_version = 99"
try 2 "$kappa" db merge none.db a.db b.db
has err "b.db has schema version 99"
[ -e none.db ] && bad "none.db is made though b.db is refused"
try 2 "$kappa" db merge a.db a.db
has err "a.db: cannot be merged into itself"
try 2 "$kappa" db merge none.db students.ini
has err "students.ini"
try 2 "$kappa" db merge a.db
has err "kappa db merge INTO.db FROM.db..."
try 2 "$kappa" db mend a.db
has err "db: no 'mend'; merge, check or gc"
try 2 "$kappa" db check none.db
has err "none.db"
try 2 "$kappa" db gc none.db
has err "none.db"
change a.db "UPDATE artifact SET path = '../' || path"
try 2 "$kappa" db merge none2.db a.db
has err "outside of its folder"
finish
