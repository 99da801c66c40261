#!/bin/sh
# torch.sh [--rounds N] [--steps N] [--threads N] [--batch N] [--model cnn|resnet|vit|gpt|attention]
# - VanillaCNN, ResNet-18, the 6.3M ViT, a GPT or attention alone in kappa and in PyTorch.
#
# One interleaved run of the training step (forward, loss, backward, SGD) and of evaluation. kappa's
# step also augments, normalises and lays out its batch; PyTorch finds it ready. PyTorch's faster
# layout counts, with malloc tuned and, for untuned_ratio, as it comes. A ratio is PyTorch's time
# over kappa's. Attention is 32 heads of 512 x 64, forward and backward, with and without causal
# mask; its train_ratio is the worse of the two. The GPT has 27.5M parameters and trains with Adam
# on 4 sequences of 512 tokens, from labels (lt) and from a teacher of the same size (kd); the loss
# is also timed alone, and memory_ratio is that of the most memory that the processes had. The last
# line is against the system's torch; that of another python3 on PATH with another version of torch
# has a line of its own before it.
set -eu
cd "$(dirname "$0")/../.."
sh tests/setup.sh build torch
. tests/common.sh
build build
exec python3 -B tests/bench/torch_compare.py build/tests/bench "$@"
