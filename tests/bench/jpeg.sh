#!/bin/sh
# jpeg.sh [FOLDER] - images per second decoded here and by djpeg, each on all cores, and in batches
# by the loader of a data set that is decoded live.
#
# The JPEG files below FOLDER, at most 600; without one, 200 files of 500 x 375 made for it. They
# have at least 64 x 64 pixels. Five rounds in turn; the last lines are the medians of the rounds'
# ratios: jpeg_ratio, decoding over djpeg, and load_ratio, loading over decoding.
set -eu
cd "$(dirname "$0")/../.."
sh tests/setup.sh build bench
. tests/common.sh
build build
bench=$PWD/build/tests/bench/jpeg_bench
cores=$(nproc)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ $# -gt 0 ]; then
    find "$(realpath "$1")" -iname '*.jp*g' | LC_ALL=C sort | awk '{ line[NR] = $0 }
        END { step = NR > 600 ? NR / 600 : 1
              for (i = 1; i <= NR; i += step) print line[int(i)] }' >"$work/files"
else
    mkdir "$work/made"
    "$bench" make "$work/made" 200
    find "$work/made" -name '*.jpg' >"$work/files"
fi
count=$(wc -l <"$work/files")
[ "$count" -gt 0 ] || { echo "jpeg.sh: no JPEG file in $1"; exit 1; }
awk '{ print $0, "0 train" } END { print $0, "0 test" }' "$work/files" >"$work/list.txt"
echo "$count files, $cores cores, $(djpeg -version 2>&1 | head -n 1)"

for round in 1 2 3 4 5; do
    ours=$(tr '\n' '\0' <"$work/files" | xargs -0 "$bench" decode "$cores")
    begin=$(date +%s%N)
    tr '\n' '\0' <"$work/files" | xargs -0 -n 1 -P "$cores" djpeg -outfile /dev/null
    end=$(date +%s%N)
    loaded=$("$bench" load "$cores" "$work")
    echo "$round $ours $begin $end $count $loaded" | awk '{
        theirs = $5 / (($4 - $3) / 1e9)
        printf "round %d: images/s: kappa %.0f, djpeg %.0f, ratio %.2f; ", $1, $2, theirs,
            $2 / theirs
        printf "in batches %.0f, ratio %.2f\n", $6, $6 / $2 }'
done | tee "$work/rounds"
median() { tr -d ';' <"$work/rounds" | awk -v field="$1" '{ print $field }' | sort -n | sed -n 3p; }
echo "jpeg_ratio=$(median 9) load_ratio=$(median 14)"
