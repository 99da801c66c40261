# test_cohort.sh - on the emulated GPU students in lockstep end with the bits that each has alone,
# and their examples lie on the device.
. "$(dirname "$0")/../cli/lib.sh"

make_data
make_experiment

# bits DATABASE: the weights and results of its runs.
bits() {
    "$kappa" sql --db "$1" --format csv "SELECT r.config_hash, a.role, a.sha256
        FROM artifact a JOIN run r ON r.id = a.run WHERE a.role = 'model'
        UNION ALL SELECT r.config_hash, k.name, x.value
        FROM result x JOIN run r ON r.id = x.run JOIN metric_key k ON k.id = x.key ORDER BY 1, 2"
}

# trained DATABASE [ARGUMENT...]
trained() {
    database=$1
    shift
    try 0 "$kappa" run students.ini --db "$database" --set device.kind=cuda --set data.flip=true \
        --set teacher.mode=live --sweep data.kappa=0.5 --sweep seed.master=11 \
        --sweep objective.plugin=lt,kd,ls "$@"
    has out "4 done"
    bits "$database" >"$database.bits"
}

kept() {
    "$kappa" sql --db "$1" --format csv "SELECT count(*) FROM event WHERE kind = 'data.kept'" |
        tr -d '\r' | tail -n 1
}

trained together.db
trained alone.db --set run.cohort=off
is "$(wc -l <together.db.bits)" "$(wc -l <alone.db.bits)" "results"
cmp -s together.db.bits alone.db.bits || bad "runs in lockstep have other bits than alone"
is "$(kept together.db)" 4 "runs whose examples were kept on the device"


# Students of some 7 MB each, of which two do not fit into what the device has left, take turns.
rm -rf ./*.db*
KAPPA_EMU_MEMORY=43000000 trained turns.db --set model.mlp.hidden=2000 \
    --set teacher:model.mlp.hidden=16
finish
