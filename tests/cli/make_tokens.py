"""Writes a folder of made-up books, tokenised as kappa tokenise leaves them: each token is drawn
from a few that follow the one before, so that a small language model learns in a few steps."""
import argparse
import pathlib
import random
import struct

FIRST = 3  # behind <pad>, <unk> and <D>


def npy(path, kind, shape, data):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    header = header.ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


def book(rng, length, vocabulary):
    tokens = [FIRST]
    while len(tokens) < length:
        follows = (7 * tokens[-1] + rng.choice((0, 1, 1, 1, 2, 5))) % (vocabulary - FIRST)
        tokens.append(FIRST + follows)
    return tokens


def write(root, split, lengths, vocabulary, rng):
    names = []
    for i, length in enumerate(lengths):
        path = f"files/{split}{i}.npy"
        npy(root / "made" / path, "<u2", (length,),
            struct.pack(f"<{length}H", *book(rng, length, vocabulary)))
        names += [path, str(length)]
    npy(root / f"file_list_{split}.npy", "<U20", (len(lengths), 2),
        b"".join(name.ljust(20, "\0").encode("utf-32-le") for name in names))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--vocabulary", type=int, default=64)
    parser.add_argument("--train", type=int, nargs="+", default=[1500] * 8, help="tokens of books")
    parser.add_argument("--test", type=int, nargs="+", default=[700] * 4)
    args = parser.parse_args()
    (args.folder / "made" / "files").mkdir(parents=True, exist_ok=True)
    rng = random.Random(7)
    write(args.folder, "train", args.train, args.vocabulary, rng)
    write(args.folder, "test_iid", args.test, args.vocabulary, rng)
    (args.folder / "made.vocab").write_text(
        "".join(f"<pad> <unk> <D>".split()[i] + "\t0\n" if i < FIRST else f"t{i}\t{-i}\n"
                for i in range(args.vocabulary)))


main()
