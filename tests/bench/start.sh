#!/bin/sh
# start.sh [CIFAR-10-FOLDER] - what a run costs beside its steps, on CIFAR-10 (default $KAPPA_DATA).
#
# From the start of the process to the first step, with the files in the page cache; peak
# memory at batch 256; and by how much a step of a real run, with loader, database and checkpoints,
# exceeds the bare step of step_bench on a batch that stays loaded.
set -eu
cd "$(dirname "$0")/../.."
KAPPA_DATA=${1:-${KAPPA_DATA:?start.sh: name the folder of CIFAR-10 or set KAPPA_DATA}}
export KAPPA_DATA
sh tests/setup.sh build
. tests/common.sh
build build
exec python3 -B tests/bench/start.py build
