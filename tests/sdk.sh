#!/bin/sh
# sdk.sh [--short BUILD] - the SDK as people have it who have no source tree of kappa: an
# installation in a folder of its own, and from there everything that the documents say.
#
# Without arguments it follows docs/tutorial.md from the first command on, builds kappa anew, uses
# gcc and clang, all examples and all broken plugins (some minutes on two idle cores). --short
# installs a build that is there and leaves out what takes long; tests/run.sh does that.
# Ends with the build time of an objective and the code lines of kappa's own.
set -u
source=$(cd "$(dirname "$0")/.." && pwd)
short=
if [ "${1-}" = --short ]; then
    short=1
    build=$(cd "$2" && pwd) || exit 2
fi
for tool in cc pkg-config python3; do
    command -v $tool >/dev/null || {
        echo "skipped: $tool is not installed"
        exit 77
    }
done
for name in $(env | sed -n 's/^\(KAPPA_[A-Z_]*\)=.*/\1/p'); do
    unset "$name"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
export HOME="$work/home" LC_ALL=C
mkdir "$HOME"
failures=0

bad() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# quietly WHAT COMMAND...: what it prints is shown only if it fails.
quietly() {
    what=$1
    shift
    "$@" >"$work/said" 2>&1 </dev/null && return
    bad "$what"
    tail -40 "$work/said" | sed 's/^/    /'
    return 1
}

# follow DOCUMENT [PATTERN]: do what it says in the working directory, but not commands that match.
follow() {
    sh "$source/tests/sdk/follow.sh" "$1" >"$work/follow" || bad "$1 has no command"
    [ $# -eq 1 ] || sed -i "/$2/d" "$work/follow"
    quietly "the commands of $1" sh "$work/follow"
}

# The only compiler by the name cc, and for Meson.
use_compiler() {
    mkdir -p "$work/bin"
    ln -sf "$(command -v "$1")" "$work/bin/cc"
    export CC="$1"
}

# A python3 with NumPy if there is one: an example asks for it.
use_numpy() {
    for python in "$(command -v python3)" /usr/bin/python3; do
        if "$python" -c 'import numpy' 2>/dev/null; then
            ln -sf "$python" "$work/bin/python3"
            return
        fi
    done
}

install_kappa() {
    if [ -n "$short" ]; then
        DESTDIR=$work/dest quietly "meson install" meson install -C "$build" --no-rebuild || exit 1
        mv "$work/dest$(meson introspect --buildoptions "$build" |
            python3 -c 'import json, sys
print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')" "$HOME/.local"
        [ -z "$(find "$work/dest" ! -type d)" ] || bad "installed beside the prefix:" \
            "$(find "$work/dest" ! -type d | head -3)"
    else
        ln -s "$source" kappa
        sh "$source/tests/sdk/follow.sh" "$source/docs/tutorial.md" |
            grep '^set\|^meson' >install
        quietly "the installation of docs/tutorial.md" sh install || exit 1
        rm kappa
        rm -rf kappa-build
    fi
    # Somewhere else than where it was installed.
    mv "$HOME/.local" "$HOME/moved"
    pc=$(find "$HOME/moved" -name kappa.pc)
    export PATH="$work/bin:$HOME/moved/bin:$PATH" PKG_CONFIG_PATH="${pc%/*}"
}

check_installation() {
    for name in plugindir includedir cudadir; do
        [ -d "$(pkg-config --variable=$name kappa)" ] || bad "kappa.pc: $name is no folder"
    done
    grep -q "^#define KP_ABI_MINOR $(pkg-config --variable=abi kappa | sed 's/.*\.//')\$" \
        "$(pkg-config --variable=includedir kappa)/kappa/abi.h" || bad "kappa.pc: abi"
    quietly "kappa list" kappa list
    grep -q "^  kd " said || bad "kappa list has no kd"
    quietly "kappa sql --list" kappa sql --list
    quietly "kappa info" kappa info kd
    grep -q "$HOME/moved/lib" said || bad "kappa info kd: not from the installation"
    strings -d "$HOME/moved/bin/kappa" | grep "^$source/" | head -3 >said
    [ ! -s said ] || bad "the program names the source tree: $(cat said)"
}

# Each header by itself, as C and as C++.
#   check_headers C C++
check_headers() {
    for file in $(cd "$(pkg-config --variable=includedir kappa)" && ls kappa/*.h); do
        case $file in
        *_call.h | *_cuda.h) continue ;; # parts of another
        esac
        echo "#include <$file>" >header.c
        quietly "$file as C17 by $1" "$1" -std=c17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
            $(pkg-config --cflags kappa) header.c
        command -v "$2" >/dev/null || continue
        quietly "$file as C++17 by $2" "$2" -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror \
            -fsyntax-only $(pkg-config --cflags kappa) header.c
    done
}

# A new plugin of a kind, taken through its README.
try_kind() {
    echo "-- $1, $CC"
    quietly "kappa new $1" kappa new "$1" "new_$1" || return
    cd "new_$1" || exit 2
    # the images made below, in place of Fashion-MNIST
    sed -i "s|^root = .*|root = $work/data|" "new_$1.ini"
    if [ -n "$short" ]; then
        follow README.md meson
    else
        follow README.md "meson install"
        grep -q "meson test" "$work/follow" || bad "README.md does not use Meson"
        quietly "meson install of $1" meson install -C build
        quietly "kappa info new_$1, installed" kappa info "new_$1"
        rm -f "$(pkg-config --variable=plugindir kappa)/new_$1.so"
    fi
    done=$(kappa sql --csv "SELECT count(*) FROM run WHERE status = 'done'" | tail -1 | tr -d '\r')
    [ "${done:-0}" -ge 4 ] || bad "$1: $done runs are done"
    recorded=$(kappa sql --csv "SELECT count(DISTINCT kind) FROM run_plugin WHERE kind = '$1'
        AND name = 'new_$1'" | tail -1 | tr -d '\r')
    [ "$recorded" = 1 ] || bad "$1: the runs' record does not name the plugin"
    cd "$work" || exit 2
    rm -rf "new_$1"
}

try_example() {
    echo "-- example $1, $CC"
    cp -r "$source/plugins/examples/$1" "$work/example" || exit 2
    cd example || exit 2
    sed -i "s|^root = /usr/share.*|root = $work/data|" ./*.ini
    follow README.md
    cd "$work" || exit 2
    rm -rf example
}

time_objective() {
    kappa new objective timed >/dev/null
    cd timed || exit 2
    python3 - <<'PYTHON'
import resource, shlex, subprocess, time

def used():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime

flags = shlex.split(subprocess.check_output(["pkg-config", "--cflags", "kappa"], text=True))
times = []
for _ in range(3):
    begun, before = time.monotonic(), used()
    subprocess.run(["cc", "-std=c17", "-O2", "-fPIC", "-shared", *flags, "-o", "timed.so",
                    "timed.c", "-lm"], check=True)
    times.append((used() - before, time.monotonic() - begun))
processor, elapsed = min(times)
print(f"an objective is built in {elapsed:.2f} s, {processor:.2f} s of them of the processor")
raise SystemExit(processor >= 1)  # the other depends on what else the machine does
PYTHON
    [ $? -eq 0 ] || bad "an objective takes a second or more to build"
    cd "$work" || exit 2
}

count_lines() {
    sh "$source/tests/bench/code_lines.sh" "$source"/objectives/*.c >lines
    awk '{
        n = split($2, part, "/")
        printf "%s%s %d", (NR > 1 ? ", " : "code lines: "), part[n], $1
        long += $1 > 40
    }
    END {
        print ""
        exit long > 0
    }' lines || bad "an objective has more than 40 code lines"
}

echo "== installation"
install_kappa
check_installation
python3 "$source/tests/cli/make_idx.py" data --side 28 --train 6000 --test 500 || exit 2
printf 'gcc g++\nclang clang++\n' >compilers
[ -z "$short" ] || sed -i 1q compilers
while read -r c cxx; do
    command -v "$c" >/dev/null || {
        echo "not checked: $c is not installed"
        continue
    }
    use_compiler "$c"
    echo "== $c: headers, new plugins, examples"
    check_headers "$c" "$cxx"
    for kind in model objective metric dataset op; do
        try_kind $kind
    done
    [ -z "$short" ] || continue
    use_numpy
    for folder in "$source"/plugins/examples/*/; do
        if grep -q 'import numpy' "$folder"*.py 2>/dev/null &&
            ! python3 -c 'import numpy' 2>/dev/null; then
            echo "not checked: example $(basename "$folder"): python3 has no NumPy"
        else
            try_example "$(basename "$folder")"
        fi
    done
done <compilers
use_compiler gcc
echo "== docs/tutorial.md"
if [ -d /usr/share/datasets/fashion-mnist ] && command -v gnuplot >/dev/null; then
    cd "$HOME" || exit 2
    follow "$source/docs/tutorial.md" "^meson\|^export"
    grep -q "<svg" reverse_kd/report/reverse_kd/gain.svg || bad "the tutorial has no figure"
    cd "$work" || exit 2
else
    echo "not checked: dataset-fashion-mnist or gnuplot is not installed"
fi
if [ -z "$short" ]; then
    echo "== broken plugins"
    quietly "tests/plugins-broken" sh "$source/tests/plugins-broken/test_broken.sh" \
        "$HOME/moved/bin/kappa" "$source" "$work"
fi
time_objective
count_lines
if [ "$failures" -gt 0 ]; then
    echo "$failures checks failed"
    exit 1
fi
echo "the SDK works as installed"
