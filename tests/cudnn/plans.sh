#!/bin/sh
# plans.sh SOURCE BUILD PROGRAM fp32|bf16|all [DEVICE...] - the plans that cuDNN gives the models'
# convolutions without a GPU, against tests/golden/cudnn-plans.txt. Devices are names of files in
# devices/; without one, all.
#
# Each convolution must have a plan. Another version of cuDNN may choose other engines, so the table
# is compared only with the version that it names. With KAPPA_UPDATE=1 it is written anew.
set -eu
source=$1 build=$2 program=$3 type=$4
shift 4
[ -x "$program" ] || {
    echo "skipped: cuDNN is not installed"
    exit 77
}
all='sm_80 sm_86 sm_89 sm_90 sm_100 sm_120'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
table=$source/tests/golden/cudnn-plans.txt

names=$*
[ -n "$names" ] || names=$all
set --
for name in $names; do
    set -- "$@" "$source/tests/cudnn/devices/$name.json"
done
"$program" "$build" "$type" "$@" >"$work/plans"
{
    head -n 1 "$work/plans"
    echo "| $names"
    tail -n +2 "$work/plans" | LC_ALL=C sort
} >"$work/table"
if [ "${KAPPA_UPDATE-}" = 1 ]; then
    [ "$type $names" = "all $all" ] || {
        echo "the table holds all types and devices"
        exit 2
    }
    cp "$work/table" "$table"
fi
[ "$(head -n 1 "$work/table")" = "$(head -n 1 "$table")" ] || {
    echo "$(head -n 1 "$work/table"), the table is of $(head -n 1 "$table"): not compared"
    exit 0
}
awk -F ' [|] ' '
FNR == 1 {
    file++
    next
}
FNR == 2 {
    columns = split(substr($0, 3), device, " ")
    next
}
{
    split($2, cell, " ")
    for (i = 1; i <= columns; i++)
        if (file == 1)
            want[$1 " on " device[i]] = cell[i]
        else {
            key = $1 " on " device[i]
            found++
            if (want[key] != cell[i]) {
                print key ": " cell[i] ", the table says " (key in want ? want[key] : "nothing")
                wrong++
            }
        }
}
END {
    print found + 0 " plans"
    exit wrong > 0 || found == 0
}' "$table" "$work/table"
