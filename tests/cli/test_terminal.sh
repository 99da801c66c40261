# test_terminal.sh - the progress bar: only on a terminal, within its width, colours if wanted.
. "$(dirname "$0")/lib.sh"
make_data
make_experiment

# on_terminal COLUMNS COMMAND...: run it on a pseudo terminal; what it wrote is in the file out.
on_terminal() {
    tried=$*
    python3 "$source/tests/cli/on_terminal.py" "$@" >out </dev/null || bad "exit status: $*"
}

# Lines as they stood on the screen, without what moves the cursor or colours.
screen() {
    tr '\r' '\n' <out | sed 's/\x1b\[[0-9;]*[mK]//g'
}

TERM=xterm
export TERM
on_terminal 100 "$kappa" run teacher.ini --set train.epochs=300
esc=$(printf '\033')
has out "$esc[32mdone$esc[0m"
screen >lines
grep -q '^\[ *1/1\] .*  \[#*\.*\]  *[0-9]*%  epoch  *[0-9]*/300  loss [0-9.]*' lines ||
    bad "no bar"
awk 'length > 99 && /%  /' lines | grep . && bad "a bar beyond the width"
has out "1 run: 1 done"
on_terminal 40 "$kappa" run teacher.ini --db narrow.db --set train.epochs=300
screen >lines
awk 'length > 39 && /epoch/' lines | grep . && bad "a bar beyond 40 columns"
grep -q 'teacher patterns' lines || bad "no label on a narrow terminal"

NO_COLOR=1
export NO_COLOR
on_terminal 100 "$kappa" run teacher.ini --db plain.db --set train.epochs=300
lacks out "$esc[32m"
grep -q '\[[#.]*\] ' out || bad "no bar without colours"
unset NO_COLOR
TERM=dumb
on_terminal 100 "$kappa" run teacher.ini --db dumb.db --set train.epochs=300
lacks out "$esc"
has out "begins"
TERM=xterm
on_terminal 100 "$kappa" run teacher.ini --db quiet.db --quiet
is "$(cat out)" "" "what --quiet says on a terminal"
# Elsewhere: lines.
try 0 "$kappa" run teacher.ini --db lines.db
lacks out "$esc"
lacks out "$(printf '\r')"
finish
