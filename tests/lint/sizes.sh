#!/bin/sh
# sizes.sh - every source file has under 500 lines of at most 100 columns. Tables of test cases may
# be longer.
set -eu
cd "${1:-$(dirname "$0")/../..}"

find core plugins models objectives metrics experiments tests \
    \( -name '*.[ch]' -o -name '*.cc' -o -name '*.inl' -o -name '*.py' -o -name '*.sh' \
    -o -name '*.cu' -o -name '*.cuh' -o -name '*.cpp' -o -name '*.sql' -o -name '*.ini' \
    -o -name 'meson.build' \) ! -path '*/corpus/*' |
    LC_ALL=C sort | xargs awk '
FNR == 1 { files++ }
FNR == 500 && FILENAME !~ /_cases\.c$|\/cases\.c$/ {
    print FILENAME ": 500 lines or more: split it by subject"
    found++
}
length($0) > 100 {
    print FILENAME ":" FNR ": " length($0) " columns, at most 100"
    found++
}
/[ \t]$/ {
    print FILENAME ":" FNR ": blanks at the end of the line"
    found++
}
END {
    if (files == 0) {
        print "sizes.sh: no file found: wrong folder?"
        exit 1
    }
    exit found > 0
}'
