#!/bin/sh
# plans.sh SOURCE BUILD PROGRAM DRIVER [DEVICE...] - the plans that cuDNN gives the convolutions and
# the attention of models and of operation cases without a GPU, against
# tests/golden/cudnn-plans.txt.
#
# DRIVER: the folder of a stand-in for NVIDIA's driver, for this program alone. DEVICE: one of
# tests/cudnn/devices; all of the table unless told. Another version of cuDNN may choose other
# engines, so the table is compared only with the version that it names. With KAPPA_UPDATE=1 it is
# written anew.
set -eu
source=$1 build=$2 program=$3 driver=$4
shift 4
[ -x "$program" ] || {
    echo "skipped: cuDNN is not installed"
    exit 77
}
table=$source/tests/golden/cudnn-plans.txt
all='sm_80 sm_86 sm_89 sm_90 sm_100 sm_120'
devices=${*:-$all}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

set --
for device in $devices; do
    set -- "$@" "$source/tests/cudnn/devices/$device.json"
done
LD_LIBRARY_PATH=$driver${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$program" "$build" "$@" >"$work/plans"
{
    head -n 1 "$work/plans"
    echo "| $devices"
    tail -n +2 "$work/plans" | LC_ALL=C sort
} >"$work/table"
if [ "${KAPPA_UPDATE-}" = 1 ] && [ "$devices" = "$all" ]; then
    cp "$work/table" "$table"
fi
echo "$(($(wc -l <"$work/table") - 2)) plans on $devices"
if [ "$(head -n 1 "$work/table")" != "$(head -n 1 "$table")" ]; then
    echo "made by $(head -n 1 "$work/table"), the table is of $(head -n 1 "$table"): not compared"
    exit 0
fi
# The columns of these devices: line 2 of the table names them.
awk -v devices="$devices" '
    NR == 1 { print; next }
    NR == 2 {
        count = split(devices, wanted, " ")
        for (i = 2; i <= NF; i++)
            column[$i] = NF - i
    }
    {
        text = $0
        sub(/\|[^|]*$/, "|", text)
        for (i = 1; i <= count; i++)
            text = text " " $(NF - column[wanted[i]])
        print text
    }' "$table" >"$work/expected"
diff "$work/expected" "$work/table"
