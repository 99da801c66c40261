# test_check.sh - kappa check as a user meets it: what it takes, prints and returns. Which faults it
# finds is tested with tests/plugins-broken.
. "$(dirname "$0")/lib.sh"
command -v cc >/dev/null || {
    echo "skipped: there is no C compiler cc"
    exit 77
}
"$kappa" check "$build/objectives/kd.so" --only valgrind | grep -q "built with a sanitizer" && {
    echo "skipped: this kappa was built with a sanitizer, beside which a plugin's does not work"
    exit 77
}

# What it refuses.
try 2 "$kappa" check
has err "too few arguments"
try 2 "$kappa" check nowhere.so
has err "nowhere.so: No such file or directory"
mkdir empty
try 2 "$kappa" check empty
has err "empty: no C file in this folder"
try 2 "$kappa" check "$build/objectives/kd.so" --only gradient
has err "--only gradient: no such test"
has err " gradients "
try 2 "$kappa" check "$build/objectives/kd.so" --only chunks
has err "kd.so: nothing in it has a test 'chunks'"
try 2 "$kappa" check "$build/objectives/kd.so" --seed x
has err "--seed x: no seed"
try 2 "$kappa" check "$build/objectives/kd.so" --time 0
has err "--time 0: no time"

# A shared object: each test on a line, the seed first, the sum last.
try 0 "$kappa" check "$build/objectives/kd.so" --only gradients --seed 7
has out "kd.so, seed 7"
has out "passed       objective kd: gradients"
is "$(tail -n 1 out)" "1 passed, 0 failed, 0 not checked" "the last line"
try 0 "$kappa" check "$build/objectives/kd.so" --only sanitize-memory
has out "not checked  sanitize-memory: needs the source"
# No shared object at all.
echo "no library" >text.so
try 1 "$kappa" check text.so
has out "failed       manifest: "
has out "not checked  everything else: kappa does not open the plugin"

# A folder: its C files but the tests among them, made one plugin.
mkdir mine
cat >mine/mine.c <<'C'
#include "kappa/plugin.h"
double kp_half(double x);
KP_ROW_LOSS(mine_row, void, { kp_row_add_cross_entropy(row, kp_half(2), row->label); })
KP_OBJECTIVE(mine, "1", .doc = "Cross-entropy.", .formula = "CE(z, y)", .row = &mine_row);
C
cat >mine/half.c <<'C'
#define HIDDEN __attribute__((visibility("hidden")))
HIDDEN double kp_half(double x);
double kp_half(double x)
{
    return x / 2;
}
C
echo 'int main(void) { return no_plugin; }' >mine/test_mine.c
try 0 "$kappa" check mine
has out "passed       build"
has out "objective mine: mean"
lacks out "failed "

# What the compiler says is shown.
mkdir wrong
echo '#include "kappa/plugin.h"
int x = "seven' >wrong/wrong.c
try 1 "$kappa" check wrong
has out "failed       build: "
has out "wrong.c:2"

# Which compiler.
printf '#!/bin/sh\necho "$@" >>"%s/words"\nexec cc "$@"\n' "$work" >mycc
chmod +x mycc
CC="$work/mycc -DMINE" "$kappa" check mine --only build >/dev/null || bad "with CC"
has words "-DMINE"

# JSON.
if command -v python3 >/dev/null; then
    try 1 "$kappa" check "$source/tests/plugins-broken/wrong_gradient.c" --only gradients --json
    python3 - out <<'PY' || bad "the JSON of a check"
import json, sys
found = json.load(open(sys.argv[1]))
assert found["failed"] == 1 and found["passed"] == 0 and found["seed"] == 1, found
test, = found["tests"]
assert test["kind"] == "objective" and test["name"] == "wrong_gradient", test
assert test["test"] == "gradients" and test["verdict"] == "failed", test
assert "differences" in test["why"] and test["seconds"] > 0, test
PY
fi
finish
