#!/bin/sh
# setup.sh GROUP... - makes sure that the Debian packages of these groups of packages.txt are there.
#
# As root it installs what is missing. Otherwise it prints the command that would and exits with 2.
# KAPPA_PACKAGES=skip takes the system as it is.
set -eu

list=$(dirname "$0")/../packages.txt

[ $# -gt 0 ] || { echo "usage: sh tests/setup.sh GROUP..." >&2; exit 2; }
[ "${KAPPA_PACKAGES:-}" != skip ] || exit 0

wanted=
for group; do
    names=$(awk -v group="[$group]" '
        /^\[/ { inside = $1 == group }
        inside && /^[a-z0-9]/ { print $1 }' "$list")
    [ -n "$names" ] || { echo "setup.sh: packages.txt has no group [$group]" >&2; exit 2; }
    wanted="$wanted $names"
done

if ! command -v dpkg-query >/dev/null; then
    echo "setup.sh: this is no Debian system; what the build needs, in Debian's names:" >&2
    echo $wanted >&2
    exit 0
fi

missing=
for name in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null || true)
    case $state in
    ?i*) ;;
    *) missing="$missing $name" ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "setup.sh: packages are missing; install them with" >&2
    echo "    sudo apt-get install --no-install-recommends$missing" >&2
    exit 2
fi
echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
# The package lists may be absent or too old to download from.
apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 || {
    apt-get update -q >/dev/null
    apt-get install -y -q --no-install-recommends $missing >/dev/null
}
