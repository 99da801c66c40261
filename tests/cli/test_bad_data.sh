# test_bad_data.sh - data files and models that do not fit: the run fails, is recorded, status 1.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment
cp -r data good

# fails TEXT COMMAND...: `kappa run` fails in these words.
fails() {
    text=$1
    shift
    try 1 "$kappa" run "$@"
    has err "$text"
    has err "kappa: "
    has out "1 failed"
}

restore() {
    rm -rf data
    cp -r good data
}

rm data/train-images-idx3-ubyte
fails "train-images-idx3-ubyte" teacher.ini
has err "dataset-fashion-mnist"
fails "nowhere" teacher.ini --set data.root=nowhere
restore
head -c 20000 good/train-images-idx3-ubyte >data/train-images-idx3-ubyte
fails "offset" teacher.ini
has err "truncated"
head -c 10 good/train-labels-idx1-ubyte >data/train-labels-idx1-ubyte
fails "data/train-" teacher.ini
restore
printf 'more' >>data/t10k-images-idx3-ubyte
fails "data/t10k-images-idx3-ubyte: offset" teacher.ini
restore
printf '\021' | dd of=data/train-labels-idx1-ubyte bs=1 seek=20 conv=notrunc 2>/dev/null
fails "train-labels-idx1-ubyte: offset 20: label 17" teacher.ini
restore
printf '\377' | dd of=data/train-images-idx3-ubyte bs=1 conv=notrunc 2>/dev/null
fails "train-images-idx3-ubyte: offset 0" teacher.ini
restore
: >data/train-images-idx3-ubyte
fails "train-images-idx3-ubyte" teacher.ini
restore
gzip -f data/train-images-idx3-ubyte
head -c 5000 data/train-images-idx3-ubyte.gz >cut && mv cut data/train-images-idx3-ubyte.gz
fails "train-images-idx3-ubyte.gz" teacher.ini
restore

fails "data_batch_1.bin" teacher.ini --set data.format=cifar10 --set data.root=cifar
has err "cifar"
mkdir cifar
for f in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
    head -c 3073 /dev/zero >cifar/$f.bin
done
head -c 3000 /dev/zero >cifar/data_batch_3.bin
fails "data_batch_3.bin" teacher.ini --set data.format=cifar10 --set data.root=cifar
{ printf '\021' && head -c 3072 /dev/zero; } >cifar/data_batch_3.bin
fails "data_batch_3.bin: offset 0: label 17" teacher.ini --set data.format=cifar10 \
    --set data.root=cifar
try 2 "$kappa" run teacher.ini --set data.format=idxx
has err "data.format: there is no format 'idxx'"
has err "idx"

# What the data must fit: the model, the pool, the teacher.
python3 "$source/tests/cli/make_idx.py" small --side 4
fails "4x4" teacher.ini --set model.plugin=cnn --set data.root=small
fails "400" teacher.ini --set data.n_teacher=500
try 1 "$kappa" run students.ini --sweep data.kappa=3
has err "600"
has out "4 failed"
fails "mean" teacher.ini --set "data.mean=0.5 0.5 0.5" --set "data.sd=1 1 1"

try 0 "$kappa" run teacher.ini --db good.db
weights=$(echo good.db.d/*/model.safetensors)
one="--sweep objective.plugin=kd --sweep seed.master=11 --sweep data.kappa=0.5"
# shellcheck disable=SC2086
try 1 "$kappa" run students.ini $one --set teacher.experiment= --set "teacher.file=$weights" \
    --set model.mlp.hidden=24
has err "model.safetensors"
head -c 100 "$weights" >short.safetensors
# shellcheck disable=SC2086
try 1 "$kappa" run students.ini $one --set teacher.experiment= \
    --set teacher.file=short.safetensors
has err "short.safetensors"

# Weights that are no longer those that the teacher's run wrote.
printf 'x' | dd of="$weights" bs=1 seek=900 conv=notrunc 2>/dev/null
try 1 "$kappa" run students.ini --db good.db
has err "not the file that the teacher's run"
finish
