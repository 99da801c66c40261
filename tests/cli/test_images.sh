# test_images.sh - image files, packed or decoded when they are wanted: the same weights and results
# of all that reads them, and files that turn bad meanwhile.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || {
    echo "skipped: python3 is not installed"
    exit 77
}
python3 "$source/tests/cli/make_images.py" set || exit 1

cat >base.ini <<'INI'
[data]
format = folder
root = set
crop = 12
mean = 0.5 0.5 0.5
sd = 0.25 0.25 0.25
flip = true
n_teacher = 60
dev = 0.1
[model]
plugin = mlp
[model.mlp]
hidden = 16
[train]
epochs = 3
batch = 16
eval_batch = 16
lr = 0.05
warmup_epochs = 0
eval_every = 1
[run]
threads = 1
INI
cat >teacher.ini <<'INI'
[include]
path = base.ini
[run]
role = teacher
[objective]
plugin = lt
INI
cat >students.ini <<'INI'
[include]
path = base.ini
[teacher]
experiment = teacher.ini
[analysis.cka]
with = teacher
n = 30
[sweep]
data.kappa = 0.5
objective.plugin = lt, kd
INI
# Its teacher sees the very pieces that the students see.
cat >pieces.ini <<'INI'
[include]
path = students.ini
[data]
random_resized_crop = true
rotate = 10
INI

# everything DB: hashes of all weights and tables, and all results.
everything() {
    "$kappa" sql --db "$1" --format csv "SELECT r.config_hash, a.role, a.sha256 FROM artifact a
        JOIN run r ON r.id = a.run WHERE a.role != 'ini' ORDER BY 1, 2" || bad "no artifacts in $1"
    "$kappa" sql --db "$1" --format csv "SELECT r.config_hash, r.kind, k.name, v.value
        FROM result v JOIN run r ON r.id = v.run JOIN metric_key k ON k.id = v.key
        ORDER BY 1, 2, 3, v.split" || bad "no results in $1"
}

for e in students pieces; do
    for way in packed live auto; do
        try 0 "$kappa" run $e.ini --db $e-$way.db --set data.decode=$way --set data.decoders=2
        everything $e-$way.db >$e-$way.txt
        [ $way != live ] || [ ! -e "$(echo set/kappa-*)" ] || bad "decode = live made a cache"
        rm -f set/kappa-*
    done
    has out "images: packed (auto: about 0.0 GB packed"
    [ "$(wc -l <$e-live.txt)" -gt 30 ] || bad "too little to compare: $(cat $e-live.txt)"
    cmp -s $e-packed.txt $e-live.txt || bad "$e: decoded live, something differs"
    cmp -s $e-packed.txt $e-auto.txt || bad "$e: with auto, something differs"
done
# However each says that it is decoded, the teacher and its students have the same data.
try 0 "$kappa" run students.ini --db mixed.db --set data.decode=live \
    --set teacher:data.decode=packed
everything mixed.db | cmp -s students-live.txt - || bad "with two ways in turn, something differs"
rm -f set/kappa-*

# Bad files of the training and of the test images.
live="--set data.decode=live --db bad.db"
head -c 60 set/train/class2/07.png >cut.png
cp set/train/class2/07.png whole.png
cp cut.png set/train/class2/07.png
# shellcheck disable=SC2086
try 1 "$kappa" run teacher.ini $live --set data.n_teacher=108
has err "set/train/class2/07.png: offset 41: truncated"
has err "data.skip_bad = true"
is "$("$kappa" sql --db bad.db --format csv "SELECT count(*) FROM run WHERE status = 'failed' AND
    error LIKE 'set/train/class2/07.png: offset 41: truncated%'" | tr -d '\r' | tail -n 1)" 1 \
    "failed runs that name the file"
rm set/train/class2/07.png
cp whole.png set/train/class2/07.png
# shellcheck disable=SC2086
try 0 "$kappa" run teacher.ini $live --set data.n_teacher=108
cp cut.png set/val/class0/03.png
# shellcheck disable=SC2086
try 1 "$kappa" run teacher.ini $live --set data.n_teacher=50
has err "set/val/class0/03.png: offset 41: truncated"

# Left out: the same runs whichever way, with a note of how many.
for way in packed live; do
    try 0 "$kappa" run students.ini --db skip-$way.db --set data.skip_bad=true \
        --set teacher:data.skip_bad=true --set data.decode=$way
    everything skip-$way.db >skip-$way.txt
    is "$("$kappa" sql --db skip-$way.db --format csv "SELECT count(*) > 0 AND sum(text
        LIKE 'damaged files left out: 1; the first: set/val/class0/03.png: offset 41: truncated%')
        = count(*) FROM event WHERE kind = 'data.skipped'" | tr -d '\r' | tail -n 1)" 1 \
        "the note of what was left out"
done
cmp -s skip-packed.txt skip-live.txt || bad "with skip_bad, something differs"
cmp -s skip-live.txt students-live.txt && bad "skip_bad left nothing out"

try 2 "$kappa" run teacher.ini --set data.decode=later
has err "data.decode"
has err "one of auto packed live"
finish
