#!/bin/sh
# words.sh - nothing unfinished, no function that overruns its buffer, and only the application
# prints or ends the process.
set -eu
cd "${1:-$(dirname "$0")/../..}"

found=0

# refuse WHY PATTERN FILE...: no line of these files may match.
refuse() {
    why=$1
    pattern=$2
    shift 2
    lines=$(grep -nHE "$pattern" "$@" /dev/null || true)
    [ -n "$lines" ] || return 0
    echo "$lines"
    echo "-> $why"
    found=1
}

sources=$(find core plugins models objectives metrics -name '*.[ch]' -o -name '*.cc' \
    -o -name '*.inl' -o -name '*.cu' -o -name '*.cuh')
everything="$sources README.md $(find experiments tests subprojects -type f \( -name '*.[ch]' \
    -o -name '*.py' -o -name '*.sh' -o -name '*.ini' -o -name '*.md' -o -name '*.sql' \) \
    ! -name words.sh) $(find core plugins models objectives metrics -name '*.md')"
[ -n "$sources" ] || { echo "words.sh: no source found: wrong folder?"; exit 1; }

refuse "finish it" '\b(TODO|FIXME|XXX|HACK|for now)\b|#[[:space:]]*if 0\b' $everything
refuse "a path of one machine" '/(home|root|work)/[a-z]' $everything
unsafe='strn?cpy|strn?cat|v?sprintf|gets|strtok|ato[ilf]|asctime|ctime|alloca'
refuse "use kp_text, snprintf or strtol" "\\b($unsafe)[[:space:]]*\\(" $sources

library=$(find core plugins models objectives metrics \
    \( -name '*.[ch]' -o -name '*.cc' -o -name '*.inl' -o -name '*.cu' -o -name '*.cuh' \) \
    ! -path 'core/app/*' ! -path 'plugins/template/*/test_*' ! -path core/base/error.c \
    ! -path core/store/embed.c)
# libjpeg has no other way out of an error.
enders=$(echo "$library" | grep -v '^core/data/jpeg.c$')
prints='\b(printf|puts|putchar|vprintf|perror)[[:space:]]*\('
prints_to='\bf(printf|puts|putc)[[:space:]]*\([^)]*\b(stdout|stderr)\b'
refuse "only core/app prints" "$prints|$prints_to" $library
refuse "only core/app ends the process; use a status or KP_ASSERT" \
    '\b(exit|_exit|quick_exit|abort|longjmp|assert)[[:space:]]*\(' $enders
exit $found
