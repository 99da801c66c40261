#!/bin/sh
# jpeg.sh [FOLDER] - images per second decoded here and by djpeg, each on all cores.
#
# The JPEG files below FOLDER, at most 600; without one, 200 files of 500 x 375 made for it. Five
# rounds in turn; the last line is jpeg_ratio = median of the rounds' ratios.
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
    find "$1" -iname '*.jp*g' | LC_ALL=C sort | awk '{ line[NR] = $0 }
        END { step = NR > 600 ? NR / 600 : 1
              for (i = 1; i <= NR; i += step) print line[int(i)] }' >"$work/files"
else
    mkdir "$work/made"
    "$bench" make "$work/made" 200
    find "$work/made" -name '*.jpg' >"$work/files"
fi
count=$(wc -l <"$work/files")
[ "$count" -gt 0 ] || { echo "jpeg.sh: no JPEG file in $1"; exit 1; }
echo "$count files, $cores cores, $(djpeg -version 2>&1 | head -n 1)"

for round in 1 2 3 4 5; do
    ours=$(tr '\n' '\0' <"$work/files" | xargs -0 "$bench" decode "$cores")
    begin=$(date +%s%N)
    tr '\n' '\0' <"$work/files" | xargs -0 -n 1 -P "$cores" djpeg -outfile /dev/null
    end=$(date +%s%N)
    echo "$round $ours $begin $end $count" | awk '{
        theirs = $5 / (($4 - $3) / 1e9)
        printf "round %d: kappa %.0f images/s, djpeg %.0f images/s, ratio %.2f\n",
            $1, $2, theirs, $2 / theirs }'
done | tee "$work/rounds"
awk '{ print $NF }' "$work/rounds" | sort -n | awk '{ r[NR] = $1 } END { print "jpeg_ratio=" r[3] }'
