# test_transfer.sh - kappa export, kappa import, and runs that begin with given weights.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment

try 0 "$kappa" run teacher.ini --quiet
uid=$(ask "SELECT uid FROM run")

# Export: the very bytes that the run wrote.
try 0 "$kappa" export "$(echo "$uid" | cut -c1-25)" --out w.safetensors
has out "w.safetensors: mlp of run $uid, 4 arrays, 1210 numbers, 4840 bytes of data"
has out "sha256 $(sha256sum w.safetensors | cut -d' ' -f1)"
cmp -s w.safetensors "kappa.db.d/$uid/model.safetensors" || bad "the export is another file"
try 2 "$kappa" export "$uid"
has err "export: where to? --out FILE.safetensors"
try 2 "$kappa" export ZZZ --out x
has err "no run of kappa.db"
try 1 "$kappa" export "$uid" --out nowhere/x
has err "nowhere/x"
cp kappa.db copy.db && cp -r kappa.db.d copy.db.d
printf x | dd of="copy.db.d/$uid/model.safetensors" bs=1 seek=900 conv=notrunc 2>dd.log
try 2 "$kappa" export "$uid" --db copy.db --out x
has err "not the file that run $uid wrote"
[ ! -e x ] || bad "a refused export wrote its file"
try 1 "$kappa" run teacher.ini --db nan.db --set train.lr=1e6 --set train.epochs=30 --quiet
try 2 "$kappa" export "$("$kappa" sql --db nan.db --format csv "SELECT uid FROM run" |
    tr -d '\r' | tail -n 1)" --db nan.db --out x
has err "is failed, not done"

# Import: a run of its own, marked, with the results that the trained one has.
try 0 "$kappa" import w.safetensors --as teacher.ini
imported=$(ask "SELECT uid FROM run WHERE kind = 'import'")
has out "w.safetensors: run $imported of kappa.db"
is "$(ask "SELECT count(*) FROM run")" 2 "runs after an import"
is "$(ask "SELECT text FROM param p JOIN run r ON r.id = p.run
    WHERE r.uid = '$imported' AND p.key = 'run.imported'")" \
    "$(sha256sum w.safetensors | cut -d' ' -f1)" "the mark of an imported run"
is "$(ask "SELECT count(DISTINCT v.value) FROM result v JOIN metric_key k ON k.id = v.key
    WHERE k.name = 'test/accuracy'")" 1 "accuracies of the run and its import"
is "$(ask "SELECT count(*) FROM result v JOIN run r ON r.id = v.run JOIN metric_key k
    ON k.id = v.key WHERE r.uid = '$imported' AND k.name = 'test/accuracy'")" 1 "its results"
is "$(ask "SELECT samples FROM run WHERE uid = '$imported'")" 0 "examples it was trained on here"
cmp -s "kappa.db.d/$imported/model.safetensors" w.safetensors || bad "other bytes were imported"
try 0 "$kappa" import w.safetensors --as teacher.ini
has out "imported before"
is "$(ask "SELECT count(*) FROM run")" 2 "runs after a second import"
try 0 "$kappa" plan teacher.ini
has out "1 done"

# As a teacher, and as weights to begin with; the experiment's own teacher is another.
sed "s/^experiment = .*/run = $imported/" students.ini >with_import.ini
try 0 "$kappa" run with_import.ini --quiet
is "$(ask "SELECT count(*) FROM run r JOIN run t ON t.id = r.teacher_run
    WHERE t.uid = '$imported' AND r.status = 'done'")" 8 "students of the imported teacher"
cat >begin.ini <<INI
[include]
path = base.ini
[run]
role = student
[objective]
plugin = lt
[init]
run = $imported
skip = layers.1
INI
try 0 "$kappa" run begin.ini --quiet
try 0 "$kappa" show begin.ini --cell 2
has out "; init "
has out "skip = layers.1 ; begin.ini:9"

# What is refused, before anything is recorded.
runs=$(ask "SELECT count(*) FROM run")
try 2 "$kappa" import w.safetensors
has err "--as EXP.ini"
try 2 "$kappa" import teacher.ini --as teacher.ini
has err "teacher.ini: 0: no safetensors file"
try 2 "$kappa" import w.safetensors --as students.ini
has err "students.ini: stands for 8 runs, but a file holds the weights of one"
try 2 "$kappa" import w.safetensors --as teacher.ini --set model.mlp.hidden=17
has err "w.safetensors: not the weights of this model 'mlp'; "
for text in "layers.0.weight is 16x64, must be 17x64" "layers.0.bias is 16, must be 17" \
    "layers.1.weight is 10x16, must be 10x17"; do
    has err "$text"
done
is "$(ask "SELECT count(*) FROM run")" "$runs" "runs after refused imports"
# A configuration that says imported stands for weights that only an import can bring.
try 1 "$kappa" run teacher.ini --set run.imported="$(printf '%064d' 7)"
has err "run.imported: it cannot be trained"

# Half precision, F64, no counters: as PyTorch writes them.
python3 - w.safetensors half.safetensors <<'PY' || exit 1
import json, struct, sys

raw = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", raw[:8])[0]
head, data = json.loads(raw[8:8 + n]), raw[8 + n:]
out, body = {}, b""
for k, (name, a) in enumerate(sorted(head.items())):
    begin, end = a["data_offsets"]
    v = struct.unpack("<%df" % ((end - begin) // 4), data[begin:end])
    kind, letter = [("F16", "e"), ("F64", "d")][k % 2]
    packed = struct.pack("<%d%s" % (len(v), letter), *v)
    out[name] = {"dtype": kind, "shape": a["shape"],
                 "data_offsets": [len(body), len(body) + len(packed)]}
    body += packed
text = json.dumps(out).encode()
open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + body)
PY
try 0 "$kappa" import half.safetensors --as teacher.ini --quiet
is "$(ask "SELECT count(*) FROM run WHERE kind = 'import'")" 2 "imports"
half=$(ask "SELECT r.uid FROM run r JOIN param p ON p.run = r.id WHERE p.key = 'run.imported'
    AND p.text = '$(sha256sum half.safetensors | cut -d' ' -f1)'")
is "$(stat -c %s "kappa.db.d/$half/model.safetensors")" "$(stat -c %s w.safetensors)" \
    "size of weights that became F32"
finish
