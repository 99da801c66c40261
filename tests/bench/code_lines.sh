#!/bin/sh
# code_lines.sh FILE.c... - "N FILE" for each file: its lines that hold code, neither blank nor
# comment alone.
set -eu
for file in "$@"; do
    awk -v file="$file" '
    {
        line = $0
        if (inside && !sub(/^.*\*\//, "", line))
            next
        inside = 0
        gsub(/\/\*([^*]|\*[^\/])*\*\//, "", line)
        sub(/\/\/.*$/, "", line)
        if (sub(/\/\*.*$/, "", line))
            inside = 1
        if (line ~ /[^ \t]/)
            count++
    }
    END { print count + 0, file }' "$file"
done
