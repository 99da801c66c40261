#!/bin/sh
# check_weights.sh WRITE_WEIGHTS - kappa's weights files load in PyTorch, if there is one.
set -eu
here=$(dirname "$0")

for python in python3 /usr/bin/python3; do
    if "$python" -c 'import torch, numpy' 2>/dev/null; then
        folder=$(mktemp -d)
        trap 'rm -rf "$folder"' EXIT
        "$1" "$folder"
        "$python" -B "$here/check_weights.py" "$folder"
        exit 0
    fi
done
echo "skipped: no python3 with torch and numpy (Debian: python3-torch, python3-numpy)"
exit 77
