#!/bin/sh
# follow.sh DOCUMENT.md - prints a shell script that does what the document says: lines indented by
# four blanks are commands, a fenced block "```LANGUAGE FILE" is the text of a file.
set -eu
awk '
BEGIN { print "set -eu" }
/^```/ {
    if (fenced && file != "")
        print "END_OF_FILE"
    fenced = !fenced
    file = fenced && NF == 2 ? $2 : ""
    if (file != "")
        printf "cat >%s <<\"END_OF_FILE\"\n", file
    next
}
fenced {
    if (file != "")
        print
    next
}
/^    / {
    line = substr($0, 5)
    if (!continued) {
        shown = line
        gsub(/\047/, "\047\\\047\047", shown)
        printf "echo \047$ %s\047\n", shown
    }
    print line
    found++
    # a string that is not closed goes on in the next line
    continued = (continued + gsub(/"/, "", line)) % 2
}
END { exit found == 0 }' "$1"
