# test_new.sh - `kappa new`: a folder for each kind, and what it refuses. tests/sdk.sh builds them.
. "$(dirname "$0")/lib.sh"

for kind in model objective metric dataset op; do
    try 0 "$kappa" new $kind first_$kind
    has out "first_$kind/first_$kind.c"
    has out "-o first_$kind.so first_$kind.c -lm"
    is "$(ls first_$kind | tr '\n' ' ')" \
        "README.md first_$kind.c first_$kind.ini meson.build test_first_$kind.c " \
        "the files of a $kind"
    grep -r my_ first_$kind >left && bad "the template's name is left: $(cat left)"
    grep -qE "\.name = \"first_$kind\"|KP_OBJECTIVE\(first_$kind," first_$kind/first_$kind.c ||
        bad "the name of a $kind"
done

try 0 "$kappa" new metric elsewhere --dir "a folder"
has out "cd 'a folder'"
is "$(ls "a folder" | grep -c elsewhere)" 3 "files named after it"

try 2 "$kappa" new metric first_metric
has err "first_metric: is there already, and stays as it is"
is "$(ls first_metric | wc -l)" 5 "files of the folder that was there"
try 2 "$kappa" new metric other --dir first_op
has err "--dir"
try 1 "$kappa" new metric other --dir none/such
has err "none/such: No such file or directory"

try 2 "$kappa" new objektive x
has err "objektive: no kind of plugin"
has err "did you mean 'objective'?"
try 2 "$kappa" new objective My-Loss
has err "'My-Loss' cannot be the name"
has err "such as my_loss"
try 2 "$kappa" new objective 2nd
has err "such as nd"
try 2 "$kappa" new objective ../up
has err "such as up"
try 2 "$kappa" new objective ""
has err "1 to 32 of a-z 0-9 _"
try 2 "$kappa" new objective abcdefghijklmnopqrstuvwxyz0123456
has err "cannot be the name"
try 2 "$kappa" new objective kd
has err "the name 'kd' is taken by "
has err "kd.so; choose another"
try 2 env KAPPA_PLUGINS="$build/tests/plugins" "$kappa" new objective good_objective
is "$(ls -d kd good_objective 2>/dev/null)" "" "folders of refused names"
try 2 "$kappa" new objective
has err "too few arguments"

# Nothing is left of a folder that cannot be filled.
if [ -c /dev/full ] && command -v prlimit >/dev/null; then
    try 1 prlimit --fsize=100 "$kappa" new objective cut
    has err "cut/"
    [ ! -e cut ] || bad "what could not be written whole is left"
fi
finish
