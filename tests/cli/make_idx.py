"""Writes a small dataset as IDX files: noisy copies of one pattern for each of 10 classes."""
import argparse
import pathlib
import random
import struct


def write(folder, prefix, count, side, patterns, rng):
    labels = bytearray()
    pixels = bytearray()
    for i in range(count):
        label = i % 10
        labels.append(label)
        for p in patterns[label]:
            pixels.append(max(0, min(255, p + rng.randrange(-60, 61))))
    (folder / f"{prefix}-images-idx3-ubyte").write_bytes(
        struct.pack(">IIII", 0x803, count, side, side) + pixels)
    (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(
        struct.pack(">II", 0x801, count) + labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--side", type=int, default=8)
    parser.add_argument("--train", type=int, default=400)
    parser.add_argument("--test", type=int, default=100)
    args = parser.parse_args()
    rng = random.Random(7)
    patterns = [[rng.randrange(256) for _ in range(args.side ** 2)] for _ in range(10)]
    args.folder.mkdir(parents=True, exist_ok=True)
    write(args.folder, "train", args.train, args.side, patterns, rng)
    write(args.folder, "t10k", args.test, args.side, patterns, rng)


main()
