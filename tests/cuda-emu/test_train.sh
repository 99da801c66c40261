# test_train.sh - short trainings on the GPU, emulated or real, go the way of those on the
# processor: of every model and every objective, and of models with operations of plugins.
. "$(dirname "$0")/../cli/lib.sh"
KAPPA_PLUGINS=$build/plugins/examples
export KAPPA_PLUGINS

make_data
make_experiment

# trained DEVICE: the losses and results of all runs of its database.
trained() {
    "$kappa" sql --db "$1.db" --format csv "SELECT r.name, m.name, p.step, p.value
        FROM point p JOIN run r ON r.id = p.run JOIN metric_key m ON m.id = p.key
        WHERE m.name = 'train/loss'
        UNION ALL SELECT r.name, m.name || s.split, 0, s.value
        FROM result s JOIN run r ON r.id = s.run JOIN metric_key m ON m.id = s.key
        ORDER BY 1, 2, 3" | tr -d '\r' | tail -n +2
}

# alike EXPERIMENT [--set KEY=VALUE...]: losses differ by less than `share` of them, what is in
# percent by less than 1.5 points, which is three examples.
share=0.001
alike() {
    rm -rf ./*.db ./*.db.d
    for device in cpu cuda; do
        try 0 "$kappa" run "$@" --db $device.db --set device.kind=$device
        trained $device >$device.csv
        [ -s $device.csv ] || bad "no result on $device: $*"
    done
    has out "device: cuda"
    "$kappa" sql --db cuda.db --format csv "SELECT DISTINCT 'model ' || model FROM run
        UNION SELECT DISTINCT 'objective ' || objective FROM run" | tr -d '\r' >>covered
    paste -d, cpu.csv cuda.csv | awk -F, -v share="$share" '
    {
        difference = $4 > $8 ? $4 - $8 : $8 - $4
        limit = $2 == "train/loss" ? share * ($4 > 0.1 ? $4 : 0.1) : 1.5
        if ($1 != $5 || $2 != $6 || $3 != $7 || !(difference <= limit)) {
            print
            wrong++
        }
    }
    END { exit wrong > 0 }' || bad "cpu and cuda differ: $*"
}

alike teacher.ini
alike teacher.ini --set train.optimizer=adamw --set train.lr=0.001
alike teacher.ini --set train.optimizer=adamw --set train.lr=0.001 --set train.micro_batch=24
# In steps so small that what bf16 rounds does not grow: else levels of the processor differ, too.
# The cuda device rounds the results of convolutions as well, each by up to 2^-9; 0.004 were seen.
for precision in fp32 bf16; do
    set -- teacher.ini --set train.precision=$precision --set train.lr=0.02
    [ $precision = fp32 ] || share=0.01
    alike "$@" --set model.plugin=cnn --set model.cnn.width=4
    "$kappa" sql --db cuda.db "SELECT text FROM event WHERE kind = 'device.engines'" >engines
    has engines " forward (32,1,8,8) by (4,1,3,3), stride 1x1, padding 1x1"
    has engines ": engine "
    alike "$@" --set model.plugin=resnet --set model.resnet.width=4 --set "model.resnet.blocks=1 1"
    share=0.001
    alike "$@" --set model.plugin=vit --set model.vit.width=16 --set model.vit.depth=2 \
        --set model.vit.heads=2 --set model.vit.mlp=16
    alike "$@" --set model.plugin=group_norm_cnn --set "model.group_norm_cnn.channels=8 16" \
        --set model.group_norm_cnn.groups=4
    alike "$@" --set model.plugin=mixer --set model.mixer.patch=4 --set model.mixer.width=8 \
        --set model.mixer.depth=1 --set model.mixer.token_mlp=8 --set model.mixer.channel_mlp=16
done
alike teacher.ini --set model.plugin=resnet --set model.resnet.width=4 \
    --set "model.resnet.blocks=1 1" --set model.resnet.block=bottleneck
make_books
cat >text.ini <<'INI'
[include]
path = books.ini
[run]
role = teacher
[data]
n_teacher = 48
test_limit = 16
[data.languini]
window = 16
[model.gpt]
width = 16
head_width = 8
mlp = 32
context = 16
[objective]
plugin = lt
[train]
micro_batch = 4
log_every = 2
[metrics]
plugins = perplexity
INI
alike text.ini
alike text.ini --set train.precision=bf16
sed 's/^role = teacher/role = student/' text.ini >pupil.ini
cat >>pupil.ini <<'INI'
[teacher]
experiment = text.ini
INI
alike pupil.ini --sweep objective.plugin=kd,ls,l2,hardkd

# One student for each objective, then the other forms that they have.
set -- students.ini --sweep data.kappa=0.5 --sweep seed.master=11
alike "$@" --sweep objective.plugin=lt,kd,ls,l2,hardkd
alike "$@" --sweep objective.plugin=kd --set objective.kd.label_weight=0.5 \
    --set objective.kd.asymmetric=true
alike "$@" --sweep objective.plugin=ls --sweep objective.ls.variant=yuan_reg,plain
alike "$@" --sweep objective.plugin=l2 --set objective.l2.centred=true
for kind in model objective; do
    for file in "$source/${kind}s"/*.c; do
        name=$(basename "$file" .c)
        grep -qx "$kind $name" covered || bad "no training has the $kind $name"
    done
done

# The host runs ahead of the GPU: it waits at the end of an epoch and in evaluations, which are as
# many in both runs but for four epochs of seven steps, and not in each step.
for epochs in 2 6; do
    KAPPA_EMU_STANDSTILLS=waits-$epochs try 0 "$kappa" run teacher.ini --db ahead.db \
        --set device.kind=cuda --set train.epochs=$epochs
done
more=$(($(cat waits-6) - $(cat waits-2)))
[ "$more" -le 12 ] || bad "in 28 steps the host waits $more times for all that was asked for"

# With TF32 a product rounds its operands: some digits differ, not many.
for tf32 in false true; do
    try 0 "$kappa" run text.ini --db $tf32.db --set device.kind=cuda --set device.tf32=$tf32
    trained $tf32 >$tf32.csv
done
has out ", tf32, device 0"
paste -d, false.csv true.csv | awk -F, '$2 == "train/loss" {
    difference = $4 > $8 ? $4 - $8 : $8 - $4
    some += difference > 1e-6 * $4
    many += difference > 1e-2 * $4
}
END { exit some == 0 || many > 0 }' || bad "tf32 is as fp32, or far from it"
try 2 "$kappa" run text.ini --set device.kind=cpu --set device.tf32=true
has err "device.tf32"
finish
