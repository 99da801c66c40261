#!/bin/sh
# fault.sh PART KAPPA SHIM [OPTION]... - one part of the fault tests: kills, failures, powercut,
# endings or processes. --full is its full length, --seed N repeats the random choices of an
# earlier time.
part=$1
shift

python3 -c 'import sqlite3; assert sqlite3.sqlite_version_info >= (3, 37)' 2>/dev/null || {
    echo "skipped: python3 with SQLite 3.37 or later is not installed"
    exit 77
}
exec python3 -B "$(dirname "$0")/$part.py" "$@"
