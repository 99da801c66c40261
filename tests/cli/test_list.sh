# test_list.sh - kappa list, and plugins that are refused.
. "$(dirname "$0")/lib.sh"

try 0 "$kappa" list
diff "$source/tests/golden/list.txt" out || bad "kappa list differs from tests/golden/list.txt"

# refused PLUGIN TEXT...: alone in KAPPA_PLUGINS it is refused in these words; the rest is listed.
refused() {
    mkdir -p plugins && rm -f plugins/*
    cp "$build/tests/plugins/$1.so" plugins/ || bad "there is no test plugin $1"
    shift
    KAPPA_PLUGINS=$work/plugins
    export KAPPA_PLUGINS
    try 2 "$kappa" list
    has out "  cnn "
    for text in "$@"; do
        has err "$text"
    done
    try 1 "$kappa" doctor
    has out "problem"
    unset KAPPA_PLUGINS
}

refused other_major "other_major.so" "ABI 7" "this kappa has 1." "rebuild it"
refused bad_major "bad_major.so" "ABI 2" "this kappa has 1." "rebuild it"
refused newer_minor "newer_minor.so" "1.7" "1.2"
refused no_symbol "no_symbol.so" "does not define kp_plugin_v1"
refused bad_magic "bad_magic.so"
refused bad_options "bad_options.so"

rm -f plugins/*
echo "no library" >plugins/text.so
KAPPA_PLUGINS=$work/plugins
export KAPPA_PLUGINS
try 2 "$kappa" list
has err "text.so"
# Two plugins of one name and kind: both files are named, and nothing is run.
rm -f plugins/*
cp "$build/objectives/kd.so" plugins/again.so
try 2 "$kappa" list
has err "plugins/again.so"
has err "$build/objectives/kd.so"
make_data
make_experiment
try 2 "$kappa" run teacher.ini
has err "again.so"
[ ! -e kappa.db ] || bad "a database was made"
# A plugin of one's own.
rm -f plugins/*
cp "$build/tests/plugins/good.so" plugins/
try 0 "$kappa" list
KAPPA_PLUGINS=$work/nowhere
try 2 "$kappa" list
has err "nowhere"
# The working directory is not searched by itself.
KAPPA_PLUGINS=
cp "$build/tests/plugins/other_major.so" .
try 0 "$kappa" list
is "$(cat err)" "" "standard error with a plugin in the working directory"
finish
