# test_help.sh - help, version, and command lines that are not understood.
. "$(dirname "$0")/lib.sh"

try 0 "$kappa" --version
has out "kappa 0."
try 0 "$kappa" --help
for command in run plan show list info report claims new check doctor sql; do
    has out "  $command "
done
is "$(tr -d '\n -~' <out | wc -c)" 0 "characters beyond ASCII in the help text"

for command in run plan show list info report claims new check doctor sql; do
    try 0 "$kappa" "$command" --help
    has out "usage: kappa $command"
    has out "Options:"
    has out "Example:"
    has out "Exit status:"
    has out "130"
    is "$(cat err)" "" "standard error of $command --help"
    is "$(awk 'length > 100' out)" "" "long lines in the help of $command"
    cp out first
    try 0 "$kappa" help "$command"
    cmp -s first out || bad "kappa help $command differs from kappa $command --help"
done

try 2 "$kappa"
has err "kappa: no command"
try 2 "$kappa" lst
has err "did you mean 'list'?"
try 2 "$kappa" frobnicate
has err "kappa --help"
try 2 "$kappa" run
has err "too few arguments; usage: kappa run"
try 2 "$kappa" list everything
has err "too many arguments"
try 2 "$kappa" run x.ini --quite
has err "did you mean '--quiet'?"
try 2 "$kappa" plan x.ini --threads 2
has err "plan has no option '--threads'"
try 2 "$kappa" run -x x.ini
has err "run has no option '-x'"
try 2 "$kappa" run x.ini --db
has err "needs a value"
try 2 "$kappa" run x.ini --threads many
has err "whole number"
try 2 "$kappa" run x.ini --threads -1
has err "whole number"
try 2 "$kappa" run x.ini --set kappa
has err "--set section.key=value"
try 2 "$kappa" show x.ini --cell 0
has err "from 1"
try 2 "$kappa" sql "SELECT 1" --format xml
has err "table, csv or json"

# A reader that goes away is no error; a full disk is one.
"$kappa" --help | head -1 >first
is "$(cat first)" "usage: kappa COMMAND [ARGUMENT]..." "the first line through a pipe"
if [ -c /dev/full ]; then
    "$kappa" --help >/dev/full 2>err
    is $? 1 "exit status with a full disk"
    has err "kappa: standard output: No space left on device"
fi
finish
