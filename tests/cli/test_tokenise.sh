# test_tokenise.sh - texts to tokens and back, as a user types it.
. "$(dirname "$0")/lib.sh"
mkdir -p books/train books/test
i=0
while [ $i -lt 12 ]; do
    printf 'Chapter %d.\n\n  The cat and %d other cats sat\ton the mat.\n' $i $((i * 37)) \
        >books/train/b$i.txt
    i=$((i + 1))
done
printf 'The other mat, caf\303\251 \342\202\254 5.\n' >books/test/t.txt
"$kappa" tokenise books --train 320 --out tok >first.out 2>first.err
if grep -q "built without SentencePiece" first.err; then
    echo "skipped: built without SentencePiece (Debian: libsentencepiece-dev)"
    exit 77
fi

# A tokeniser of its own, the files, the way back.
is "$(head -n 1 first.out)" "tok/bpe_320.model: training a tokeniser of 320 tokens" "first line"
is "$(ls tok | tr '\n' ' ')" \
    "bpe_320 bpe_320.model bpe_320.vocab file_list_test_iid.npy file_list_train.npy " "files"
is "$(ls tok/bpe_320/files | wc -l)" 13 "token files"
is "$(wc -l <tok/bpe_320.vocab)" 320 "lines of the list of tokens"
for book in train/b7 test/t; do
    try 0 "$kappa" tokenise "tok/bpe_320/files/$(basename $book).npy" --model tok/bpe_320.model \
        --decode
    "$kappa" tokenise "tok/bpe_320/files/$(basename $book).npy" --model tok/bpe_320.model \
        --decode | cmp -s - books/$book.txt || bad "$book does not come back"
done

# Again: everything is there; elsewhere with the same model: the same files.
try 0 "$kappa" tokenise books --train 320 --out tok
has out "13 of the books were there already"
lacks out "training a tokeniser"
try 0 "$kappa" tokenise books --model tok/bpe_320.model --out again --quiet
is "$(cat out)" "" "what --quiet says"
diff -r tok again >/dev/null || bad "the same books gave other files"

# NumPy reads what was written, and the library's own Python has the same tokens.
for python in python3 /usr/bin/python3; do
    "$python" -c 'import numpy, sentencepiece' 2>/dev/null || continue
    "$python" - <<'PY' || bad "the library's Python has other tokens"
import numpy, sentencepiece
model = sentencepiece.SentencePieceProcessor(model_file="again/bpe_320.model")
names = numpy.load("again/file_list_train.npy")
assert names.shape == (12, 2)
for path, count in names:
    tokens = numpy.load(f"again/bpe_320/{path}")
    text = open(f"books/train/{path[6:-4]}.txt", newline="").read()
    assert tokens.dtype == numpy.uint16 and len(tokens) == int(count)
    assert tokens.tolist() == model.encode(text)
PY
    break
done

# A folder without train and test; bytes that are no text.
mkdir plain
printf 'The cat\377\376 sat.\n' >plain/a.txt
printf 'The mat.\n' >plain/b.txt
try 0 "$kappa" tokenise plain --model tok/bpe_320.model --out halves --test 0.5
has out "halves/file_list_train.npy: 1 books"
has out "halves/file_list_test_iid.npy: 1 books"
has out "2 bytes belong to no UTF-8 character"

# Everything that can be wrong.
try 2 "$kappa" tokenise
has err "too few arguments"
try 2 "$kappa" tokenise books plain --model tok/bpe_320.model --out x
has err "2 folders; one folder of books"
try 2 "$kappa" tokenise books --model tok/bpe_320.model
has err "where to? --out FOLDER"
try 2 "$kappa" tokenise books --out x
has err "by which tokeniser?"
try 2 "$kappa" tokenise books --out x --train 300 --model tok/bpe_320.model
has err "two tokenisers"
try 2 "$kappa" tokenise books --out x --train many
has err "--train many: no number of tokens"
try 2 "$kappa" tokenise books --out x --train 100
has err "a vocabulary of 100 tokens; 260 to 65535 would be right"
try 2 "$kappa" tokenise books --out x --train 70000
has err "a vocabulary of 70000 tokens; 260 to 65535 would be right"
try 2 "$kappa" tokenise books --out x --train 16384
has err "from these books: Vocabulary size too high"
try 2 "$kappa" tokenise books --model tok/bpe_320.model --out x --test 1
has err "--test 1: no share of the books"
try 1 "$kappa" tokenise nowhere --model tok/bpe_320.model --out x
has err "nowhere: No such file or directory"
try 1 "$kappa" tokenise books --model nowhere.model --out x
has err "nowhere.model: No such file or directory"
echo '{"model": {"type": "BPE"}}' >tokenizer.json
try 2 "$kappa" tokenise books --model tokenizer.json --out x
has err "tokenizer.json: no model of SentencePiece"
try 0 "$kappa" tokenise books --train 310 --out other --quiet
cp other/bpe_310.model bpe_320.model
try 2 "$kappa" tokenise books --model bpe_320.model --out tok
has err "tok/bpe_320.model: another tokeniser than bpe_320.model"
: >plain/c.txt
try 2 "$kappa" tokenise plain --model tok/bpe_320.model --out x
has err "plain/c.txt: an empty book"
try 2 "$kappa" tokenise tok/bpe_320/files/b1.npy --decode
has err "wants token files and --model FILE"
try 2 "$kappa" tokenise tok/bpe_320/files/t.npy --model other/bpe_310.model --decode
has err "are none of this tokeniser, which has 0 to 309"
try 2 "$kappa" tokenise books/test/t.txt --model tok/bpe_320.model --decode
has err "books/test/t.txt: offset 0: no .npy file"
[ ! -e x ] || [ -z "$(find x -type f)" ] || bad "a refused command wrote files"
finish
