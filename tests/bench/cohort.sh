#!/bin/sh
# cohort.sh [cnn|resnet] - nine objectives in lockstep against one after the other.
#
# VanillaCNN students of that teacher on CIFAR-10 (default $KAPPA_DATA) with lt, ls, hardkd, l2 and
# kd at tau 1, 3, 5, 10, 20, all on the same batches. Step times are those of whole runs, from the
# times of their points: nine runs by themselves (run.cohort = off), then the same nine as a cohort,
# the teacher live and tabulated, same threads. ratio = sum of the nine steps over the cohort's
# step; ideal = the same sum over what cannot be shared, the nine students' own steps, and one
# forward pass of a live teacher, which is what a live step takes above a tabulated one. Last lines:
# ratio, ideal, share = ratio / ideal for each; before them the same work in nine PyTorch runs where
# python3 has torch.
set -eu
cd "$(dirname "$0")/../.."
: "${KAPPA_DATA:?cohort.sh: set KAPPA_DATA to the folder of CIFAR-10}"
sh tests/setup.sh build
. tests/common.sh
build build
exec python3 -B tests/bench/cohort.py build "$@"
