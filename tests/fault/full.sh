#!/bin/sh
# full.sh - the fault tests at full length. KAPPA_BUILD (default build) is a build of kappa's.
#
# The last line sums the parts up: "N kills, N differences, N lost points, N double runs". Exit
# status 1 if anything but the first is not 0, or if a part could not run.
set -u
cd "$(dirname "$0")/../.."
. tests/common.sh

folder=${KAPPA_BUILD:-build}
build "$folder" || exit 2
sums=$(mktemp)
trap 'rm -f "$sums"' EXIT
failed=0

# part NAME COMMAND...: its output, and its last line for the sum.
part() {
    echo "== $1"
    shift
    output=$(mktemp)
    "$@" >"$output" 2>&1 || failed=1
    cat "$output"
    tail -n 1 "$output" >>"$sums"
    rm -f "$output"
}

for name in kills failures powercut endings processes; do
    part "$name" sh tests/fault/fault.sh "$name" "$folder/core/app/kappa" \
        "$folder/tests/fault/fault_shim.so" --full
done

# "3 kills, 0 differences" counts under its words.
awk -v failed="$failed" '
{
    n = split($0, parts, ", ")
    for (i = 1; i <= n; i++)
        if (match(parts[i], /^[0-9]+ /))
            sum[substr(parts[i], RLENGTH + 1)] += parts[i]
}
END {
    printf "%d kills, %d differences, %d lost points, %d double runs\n", sum["kills"],
        sum["differences"], sum["lost points"], sum["double runs"]
    exit failed || sum["differences"] + sum["lost points"] + sum["double runs"] > 0
}' "$sums"
