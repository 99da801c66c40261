#!/usr/bin/env python3
"""spirals.py FOLDER - writes two noisy spirals as train_x.npy, train_y.npy and the same of test."""
import os
import sys

import numpy


def spirals(n, rng):
    y = rng.integers(0, 2, n)
    turn = 3 * numpy.pi * numpy.sqrt(rng.random(n))
    angle = turn + numpy.pi * y
    x = numpy.stack([turn * numpy.cos(angle), turn * numpy.sin(angle)], 1)
    return (x / 5 + 0.08 * rng.standard_normal((n, 2))).astype(numpy.float32), y.astype(numpy.uint8)


folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
rng = numpy.random.default_rng(1)
for split, n in (("train", 2000), ("test", 1000)):
    x, y = spirals(n, rng)
    numpy.save(os.path.join(folder, split + "_x.npy"), x)
    numpy.save(os.path.join(folder, split + "_y.npy"), y)
