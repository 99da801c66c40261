#!/bin/sh
# run.sh [BOOKS] - builds kappa, makes tokens of books, trains a language model and students, shows
# what distillation gains.
#
# BOOKS is a folder of .txt files, at least 10 of them and 3 MB, or has such folders train and test.
# Without it the chapters of the King James Bible are taken (Debian: bible-kjv). The database is
# quickstart-text-NAME.db in the project's folder, NAME being that of BOOKS. Run it again: what is
# done is found there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
name=$(basename "${1:-bible}")
database=$root/quickstart-text-$name.db
work=$root/build/quickstart-text/$name
books=${1:-$work/books}
kappa=$root/build/core/app/kappa
export KAPPA_TEXT="$work/tokens"

if [ $# -gt 0 ]; then
    sh "$root/tests/setup.sh" build
else
    sh "$root/tests/setup.sh" build text
fi
[ -f "$root/build/build.ninja" ] ||
    meson setup "$root/build" "$root" -Dtests=false -Dcuda=disabled >/dev/null
ninja -C "$root/build" --quiet

# A verse is a line that begins with its place: "Ge1:1 In the beginning".
if [ $# -eq 0 ] && [ ! -d "$books" ]; then
    rm -rf "$books.part"
    mkdir -p "$books.part"
    bible -f Gen1:1-Rev22:21 </dev/null | awk -v folder="$books.part" '{
        chapter = substr($0, 1, index($0, ":") - 1)
        if (chapter != last) {
            close(file)
            file = folder "/" chapter ".txt"
            last = chapter
        }
        print substr($0, index($0, " ") + 1) > file
    }'
    mv "$books.part" "$books"
fi
"$kappa" tokenise "$books" --train 2048 --out "$KAPPA_TEXT"

"$kappa" run "$here/students.ini" --db "$database"

echo
echo "Test perplexity by kappa, the share of the teacher's half a million tokens that were read:"
echo
"$kappa" sql --db "$database" "$here/pi.sql"
echo
echo "The table is this question to $database:"
echo
cat "$here/pi.sql"
