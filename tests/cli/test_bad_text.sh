# test_bad_text.sh - token files, lists, vocabularies and models that do not fit: status 1 or 2, and
# a message that names the file or the setting.
. "$(dirname "$0")/lib.sh"
mkdir books
i=0
while [ $i -lt 4 ]; do
    printf 'Chapter %d. The cat and %d other cats sat on the mat: the other mat, of %d cats.\n' $i \
        $((i * 37)) $((i * 43)) >books/b$i.txt
    i=$((i + 1))
done
"$kappa" tokenise books --train 300 --out tok --test 0.5 >out 2>err
if grep -q "built without SentencePiece" err; then
    echo "skipped: built without SentencePiece (Debian: libsentencepiece-dev)"
    exit 77
fi
"$kappa" tokenise books --train 290 --out other --test 0.5 --quiet
cp -r tok good
cat >base.ini <<'INI'
[data]
set = languini
root = tok
n_teacher = 8
draw = first
order = fixed
[data.languini]
rows = 2
window = 8
test_rows = 2
[model]
plugin = gpt
[model.gpt]
width = 8
depth = 1
heads = 1
head_width = 8
mlp = 8
context = 8
[train]
epochs = 1
batch = 2
optimizer = adam
lr = 1e-3
schedule = constant
[metrics]
plugins = perplexity accuracy
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
cat >student.ini <<'INI'
[include]
path = base.ini
[data]
kappa = 0.5
student_pool = subset
[objective]
plugin = kd
[teacher]
experiment = teacher.ini
INI

# fails TEXT COMMAND...: `kappa run` fails in these words.
fails() {
    text=$1
    shift
    try 1 "$kappa" run "$@"
    has err "$text"
}

restore() {
    rm -rf tok
    cp -r good tok
}

try 0 "$kappa" run student.ini --db good.db
has out "test perplexity"
has out "test normalised_perplexity"
weights=$(echo good.db.d/*/model.safetensors | cut -d ' ' -f 1)

# Books.
cp tok/file_list_train.npy tok/bpe_300/files/b0.npy
fails "tok/bpe_300/files/b0.npy: offset 20: element type '<U20'; integers" teacher.ini
restore
head -c 20 good/bpe_300/files/b0.npy >tok/bpe_300/files/b0.npy
fails "tok/bpe_300/files/b0.npy: offset 20" teacher.ini
restore
rm tok/bpe_300/files/b2.npy
fails "tok/bpe_300/files/b2.npy" teacher.ini
restore
sed 's/<u2/<i2/' good/bpe_300/files/b0.npy >tok/bpe_300/files/b0.npy
fails "tok/bpe_300/files/b0.npy: tokens are signed integers of 2 bytes" teacher.ini
sed "s/'fortran_order': False/'fortran_order': True /" good/bpe_300/files/b0.npy \
    >tok/bpe_300/files/b0.npy
fails "tok/bpe_300/files/b0.npy: offset 48: the array is in Fortran order" teacher.ini
restore

# Vocabularies: one of another tokeniser, one of another kind, none.
cp other/bpe_290.vocab tok/bpe_300.vocab
fails "the vocabulary has 0 to 289" teacher.ini
printf '<unk>\n<s>\n</s>\n' >tok/bpe_300.vocab
fails "tok/bpe_300.vocab: of a tokeniser of another kind: line 1 is '<unk>' where <pad>" teacher.ini
rm tok/bpe_300.vocab
fails "tok/bpe_300.vocab: not there" teacher.ini
try 0 "$kappa" run teacher.ini --set data.languini.vocabulary=300
has out "test normalised_perplexity nan"
fails "the vocabulary has 0 to 263" teacher.ini --set data.languini.vocabulary=264
restore
fails "vocabulary = 264, but tok/bpe_300.vocab has a line for each of 300 tokens" teacher.ini \
    --set data.languini.vocabulary=264

# What must fit the books: rows, context, the teacher.
fails "2 books for 128 rows" teacher.ini --set data.languini.rows=128
fails "examples of 8 tokens; gpt's context has 4 positions" teacher.ini --set model.gpt.context=4
try 2 "$kappa" run student.ini --set data.languini.tokens=bpe_300
has err "the options of [data.languini] differ between teacher and student"
fails "input_embedding.weight" student.ini --set data.root=other --set teacher.experiment= \
    --set "teacher.file=$weights"
has err "teacher"

# Two tokenisers in one folder.
cp -r other/bpe_290 other/bpe_290.vocab tok
fails "tok: tokens of several tokenisers (" teacher.ini
fails "tok/bpe_3/files/" teacher.ini --set data.languini.tokens=bpe_3 \
    --set data.languini.vocabulary=300
finish
