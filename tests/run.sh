#!/bin/sh
# run.sh - every test once: build, all suites, then unit, op and fuzz under ASan and UBSan.
#
# The last line reads "N passed, N failed" (", N skipped"). Exit status 1 if one failed or none ran.
set -u
cd "$(dirname "$0")/.."
. tests/common.sh

sh tests/setup.sh build data test || exit 2

suite build tests
suite build-asan "unit, op and fuzz under ASan and UBSan" \
    -Dcuda=disabled -Db_sanitize=address,undefined -Db_lundef=false -- \
    --suite unit --suite op --suite fuzz --timeout-multiplier 10
summary
