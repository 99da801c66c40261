# test_bad_store.sh - places that cannot be written, and a disk that is full.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment

try 2 "$kappa" run teacher.ini --db teacher.ini/kappa.db
has err "teacher.ini/kappa.db"
mkdir folder.db
try 2 "$kappa" run teacher.ini --db folder.db
has err "folder.db"

# Root may write anywhere, so somebody else must try.
user=
if [ "$(id -u)" -eq 0 ]; then
    user="setpriv --reuid=65534 --regid=65534 --clear-groups"
    chmod 755 .
fi
mkdir closed && chmod 555 closed
if $user "$kappa" list >/dev/null 2>&1 && ! $user touch closed/file 2>/dev/null; then
    try 2 $user "$kappa" run teacher.ini --db closed/kappa.db
    has err "closed"
    try 1 $user "$kappa" doctor --db closed/kappa.db
    has out "problem  closed/kappa.db"
else
    echo "part skipped: nobody here whom a folder could refuse"
fi

# Files may not grow beyond 1 MiB: to a program much the same as a full disk. The weights of this
# net need 2 MiB, so the run fails when they are written.
wide="--set model.mlp.hidden=8000 --db full.db"
# shellcheck disable=SC2086
try 1 sh -c "ulimit -f 2048; exec '$kappa' run teacher.ini $wide"
has err "failed: "
has err "safetensors"
is "$("$kappa" sql full.db "SELECT status FROM run" --format csv | tr -d '\r' | tail -n 1)" failed \
    "status of a run whose weights could not be written"
is "$(find full.db.d -name '*.safetensors*' | wc -l)" 0 "pieces of weights that were left"
# shellcheck disable=SC2086
try 0 "$kappa" run teacher.ini $wide
is "$("$kappa" sql full.db "SELECT status FROM run" --format csv | tr -d '\r' | tail -n 1)" done \
    "its status once there is room"
finish
