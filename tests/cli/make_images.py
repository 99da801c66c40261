"""Writes an image folder of small PNG files: noisy copies of one pattern for each of 4 classes."""
import argparse
import pathlib
import random
import struct
import zlib

SIDE = 14


def png(height, width, rgb):
    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + rgb[3 * width * y:3 * width * (y + 1)] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    args = parser.parse_args()
    rng = random.Random(5)
    for label in range(4):
        pattern = [rng.randrange(256) for _ in range(3 * SIDE * (SIDE + 4))]
        for split, count in (("train", 30), ("val", 10)):
            folder = args.folder / split / f"class{label}"
            folder.mkdir(parents=True)
            for i in range(count):
                width = SIDE + i % 5
                noisy = bytes(max(0, min(255, p + rng.randrange(-60, 61)))
                              for p in pattern[:3 * SIDE * width])
                (folder / f"{i:02}.png").write_bytes(png(SIDE, width, noisy))


main()
