#!/bin/sh
# follow.sh DOCUMENT.md - prints a shell script that does what the document says: its blocks "```sh"
# are commands, its blocks "```LANGUAGE FILE" the texts of files. Other blocks are left out.
set -eu
awk '
BEGIN { print "set -eu" }
/^```/ {
    if (inside) {
        if (file != "")
            print "END_OF_FILE"
        inside = command = 0
        file = ""
    } else {
        inside = 1
        command = $0 == "```sh"
        if (NF == 2) {
            file = $2
            printf "cat >%s <<\"END_OF_FILE\"\n", file
        }
    }
    next
}
file != "" { print }
command {
    if (!continued) {
        quoted = $0
        gsub(/\047/, "\047\\\047\047", quoted)
        printf "echo \047$ %s\047\n", quoted
    }
    print
    found++
    # a string that is not closed goes on in the next line
    continued = (continued + gsub(/"/, "")) % 2
}
END { exit found == 0 }' "$1"
