# test_train.sh - short trainings on the emulated GPU end where those on the processor do.
. "$(dirname "$0")/../cli/lib.sh"

make_data
make_experiment
cat >>base.ini <<'INI'
[train]
epochs = 2
INI

# alike NAME [--set KEY=VALUE...]: every final metric of the runs of two databases, where the same
# metric differs by less than two examples in a hundred.
alike() {
    name=$1
    shift
    rm -rf ./*.db ./*.db.d
    for device in cpu cuda; do
        try 0 "$kappa" run teacher.ini --db $device.db --set device.kind=$device "$@"
        "$kappa" sql --db $device.db --format csv "SELECT split, key, value FROM result
            WHERE key IN ('accuracy', 'loss', 'nll') ORDER BY split, key" | tr -d '\r' >$device.csv
        [ "$(wc -l <$device.csv)" -gt 1 ] || bad "$name: no result on $device"
    done
    paste -d, cpu.csv cuda.csv | awk -F, -v name="$name" '
    NR > 1 {
        difference = $3 - $6
        limit = $2 == "accuracy" ? 2 : 0.01 * ($3 > 1 ? $3 : 1)
        if ($2 != $5 || difference > limit || -difference > limit) {
            print name ": " $0
            wrong++
        }
    }
    END { exit wrong > 0 }' || bad "$name differs between cpu and cuda-emu"
}

alike mlp
alike "mlp with AdamW" --set train.optimizer=adamw --set train.lr=0.001
alike cnn --set model.plugin=cnn --set model.cnn.width=4
finish
