#!/bin/sh
# run.sh - every test once: build, all suites, then unit, fuzz and some op under ASan and UBSan.
#
# The last line reads "N passed, N failed" (", N skipped"). Exit status 1 if one failed or none ran.
set -u
cd "$(dirname "$0")/.."
. tests/common.sh

sh tests/setup.sh build data test || exit 2

suite build tests
asan='-Dcuda=disabled -Db_sanitize=address,undefined -Db_lundef=false'
suite build-asan "unit and fuzz under ASan and UBSan" $asan -- \
    --suite unit --suite fuzz --timeout-multiplier 10
suite build-asan "every third operation under ASan and UBSan" $asan -- \
    --suite op --test-args='--every 3' --timeout-multiplier 10
summary
