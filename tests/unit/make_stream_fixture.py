#!/usr/bin/env python3
"""make_stream_fixture.py - writes languini/: a few books of random tokens with their file lists,
and the batches in which the study's code reads them, computed on whole queues of text.

batches_NAME.npy is (windows, rows, window + 1): tokens, and from the second on labels; -1 where the
text has ended. NAME is train, which goes on for a second round, test, which ends, and stride, test
with a shorter stride than its windows.
"""
import os

import numpy

ROWS, WINDOW, STRIDE, SEPARATOR, VOCABULARY = 3, 16, 4, 2, 40
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "languini")


def queues(books):
    """Each book to the shortest queue by the list's counts; a separator after each."""
    loads, texts = [0] * ROWS, [[] for _ in range(ROWS)]
    for tokens, listed in books:
        shortest = loads.index(min(loads))
        loads[shortest] += listed
        texts[shortest] += [*tokens, SEPARATOR]
    return texts


def windows(text, stride):
    """Until the text ends, the last one shorter; nothing where only one token is left."""
    out, at = [], 0
    while at < len(text) - 1:
        out.append(text[at:at + WINDOW + 1])
        if at + WINDOW + 1 > len(text):
            break
        at += stride
    return out


def batches(rows):
    count = max(map(len, rows))
    out = numpy.full((count, len(rows), WINDOW + 1), -1, "<i4")
    for r, row in enumerate(rows):
        for w, tokens in enumerate(row):
            out[w, r, :len(tokens)] = tokens
    return out


def main():
    random = numpy.random.default_rng(7)
    os.makedirs(f"{FOLDER}/tiny/files", exist_ok=True)
    for split, count in (("train", 11), ("test_iid", 5)):
        books, listed = [], []
        for i in range(count):
            # Even a book of one token; listed counts that are off by a little.
            tokens = random.integers(3, VOCABULARY, 1 if i == 4 else random.integers(5, 70))
            path = f"files/{split}_{i}.npy"
            numpy.save(f"{FOLDER}/tiny/{path}", tokens.astype("<u2"))
            books.append((tokens.tolist(), len(tokens) + int(random.integers(0, 3))))
            listed.append([path, str(books[-1][1])])
        numpy.save(f"{FOLDER}/file_list_{split}.npy", numpy.array(listed))
        texts = queues(books)
        if split == "train":
            longest = max(len(windows(t, WINDOW)) for t in texts)
            numpy.save(f"{FOLDER}/batches_train.npy", batches(
                [[(t * (2 * longest + 2))[w * WINDOW:(w + 1) * WINDOW + 1]
                  for w in range(2 * longest)] for t in texts]))
        else:
            for name, stride in (("test", WINDOW), ("stride", STRIDE)):
                numpy.save(f"{FOLDER}/batches_{name}.npy",
                           batches([windows(t, stride) for t in texts]))


main()
