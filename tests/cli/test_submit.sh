# test_submit.sh - kappa submit: the script for a cluster, and what stops it from being made.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment
cat >>students.ini <<'INI'
[analysis.cka]
with = teacher
n = 64
INI

# The teacher first, then the cells that are trained in lockstep, each a task; analyses at the end.
try 0 "$kappa" submit students.ini --db "my runs.db" --set train.lr=0.2 --threads 2 --print
sh -n out || bad "the script is no shell script"
has out "folder='my runs.db.tasks'"
has out "--set train.lr=0.2 --set run.threads=2 --threads 2"
is "$(sed -n '/stage0.*<</,/^END/p' out | grep -c '^[0-9a-f]\{16\} ')" 1 "tasks of stage 0"
is "$(sed -n '/stage1.*<</,/^END/p' out | grep -c '^[0-9a-f]\{16\} ')" 4 "tasks of stage 1"
has out '--array=1-4 --dependency=afterok:$merge0'
has out '--dependency=afterany:$stage1'
has out "analyse.sh"
[ -e "my runs.db.tasks" ] && bad "--print makes a folder"

# A finished teacher goes to the tasks; only what is missing is submitted.
try 0 "$kappa" run teacher.ini --db t.db
try 0 "$kappa" submit students.ini --db t.db --print
has out "db merge --quiet --only "
lacks out "stage1"

# Where there is no Slurm it says so; of scripts there can be any number.
mkdir none
for program in sh dirname; do
    ln -s "$(command -v $program)" none/
done
PATH=$work/none try 1 "$kappa" submit students.ini
has err "no sbatch in \$PATH: Slurm is not installed here; --print writes the script"
try 2 "$kappa" submit students.ini --engine lsf --print
has err "--engine lsf: not known; one of: slurm"
try 2 "$kappa" submit none.ini --print
has err "none.ini"

# The parts that a task does.
try 2 "$kappa" run students.ini --db t.db --only 0123456789abcdef
has err "no run has a configuration hash that begins with '0123456789abcdef'"
hash=$("$kappa" sql --db t.db --format csv "SELECT config_hash FROM run" | tr -d '\r' | tail -n 1)
try 0 "$kappa" run students.ini --db other.db --only "$(echo "$hash" | cut -c1-16)"
has out "1 done, 0 found done, 0 failed, 0 skipped"
try 1 "$kappa" run students.ini --db empty.db --only "$(sh -c '"$1" submit students.ini --print' \
    sh "$kappa" | sed -n '/stage1.*<</,/^END/p' | sed -n 2p | cut -d' ' -f2)"
has err "skipped: its teacher is not trained"
finish
