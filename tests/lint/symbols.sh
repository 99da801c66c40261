#!/bin/sh
# symbols.sh BUILD - each plugin of a build exports its manifest alone, takes nothing from the core,
# and links the C library and libm alone.
set -eu
build=$1

found=0
count=0
for file in "$build"/models/*.so "$build"/objectives/*.so "$build"/metrics/*.so \
    "$build"/plugins/*/*.so; do
    [ -f "$file" ] || continue
    count=$((count + 1))
    exported=$(nm -D --defined-only "$file" | awk '{ print $NF }' | tr '\n' ' ')
    if [ "$exported" != "kp_plugin_v1 " ]; then
        echo "$file: exports $exported; a plugin exports kp_plugin_v1 alone"
        found=1
    fi
    taken=$(nm -D --undefined-only "$file" | awk '$NF ~ /^kp_/ { print $NF }' | tr '\n' ' ')
    if [ -n "$taken" ]; then
        echo "$file: takes $taken from the core; the host hands a plugin its functions"
        found=1
    fi
    linked=$(objdump -p "$file" | awk '$1 == "NEEDED" && $2 !~ /^lib[cm]\.so/ { print $2 }')
    if [ -n "$linked" ]; then
        echo "$file: links" $linked
        found=1
    fi
done
if [ "$count" -eq 0 ]; then
    echo "symbols.sh: no plugin in $build"
    exit 1
fi
exit $found
