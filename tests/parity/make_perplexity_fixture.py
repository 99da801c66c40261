#!/usr/bin/env python3
"""make_perplexity_fixture.py - writes fixtures/perplexity/: a few tokenised texts in languini's
layout, and fixtures/perplexity.safetensors: a small GPT and what PyTorch in fp64 and the library's
own decoder say about these texts.

    python3 tests/parity/make_perplexity_fixture.py      (torch, numpy, sentencepiece)

perplexity.safetensors holds the GPT's parameters by name and, for each PROTOCOL, out.<name>:
perplexity, normalised perplexity, top-10 and top-1 accuracy in percent, tokens, characters. A
protocol is a stride of windows, the last tokens of each that count, and how many windows of each
row are read (0: all).
"""
import io
import os

import numpy
import sentencepiece
import torch
import torch.nn.functional as F

import safetensors_file
from torch_models import Gpt

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
VOCABULARY, ROWS, WINDOW, SEPARATOR = 300, 3, 16, 2
PROTOCOLS = {"windows": (WINDOW, WINDOW, 0), "last": (4, 4, 0), "first": (WINDOW, WINDOW, 2)}
TEXTS = [
    "The miller had three sons, his mill, an ass and a cat; the sons had to grind, the ass had to "
    "carry the corn, and the cat had to catch the mice.",
    "\tCafé au lait,  café noir: 12 € or 120 €?\n\nThe waiter said: “naïve”.",
    "The other mother and the brother went to the market; then the other brother went, too.",
    "Zürich — 1912. The weather was neither here nor there 😀 and the river rose.",
    "In the morning the cat sat on the mat, in the evening the mat lay under the cat.",
]


def train():
    model = io.BytesIO()
    lines = [line for text in TEXTS for line in text.split("\n") if "\t" not in line]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(4 * lines), model_writer=model, model_type="bpe",
        vocab_size=VOCABULARY, character_coverage=0.98, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
        user_defined_symbols="<D>", byte_fallback=True, normalization_rule_name="identity",
        add_dummy_prefix=False, remove_extra_whitespaces=False, split_digits=True,
        allow_whitespace_only_pieces=True, minloglevel=2)
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def write_books(sp):
    """The books, the lists and NAME.vocab with scores, as the library's trainer writes it."""
    os.makedirs(f"{FOLDER}/perplexity/bpe/files", exist_ok=True)
    books, listed = [sp.encode(text) for text in TEXTS], []
    for i, tokens in enumerate(books):
        listed.append([f"files/{i}.npy", str(len(tokens))])
        numpy.save(f"{FOLDER}/perplexity/bpe/{listed[-1][0]}", numpy.array(tokens, "<u2"))
    for split in ("train", "test_iid"):
        numpy.save(f"{FOLDER}/perplexity/file_list_{split}.npy", numpy.array(listed))
    with open(f"{FOLDER}/perplexity/bpe.vocab", "w", encoding="utf-8") as f:
        for i in range(VOCABULARY):
            f.write(f"{sp.id_to_piece(i)}\t{sp.get_score(i):g}\n")
    return books


def queues(books):
    rows = [[] for _ in range(ROWS)]
    for tokens in books:
        min(rows, key=len).extend([*tokens, SEPARATOR])
    return rows


def measure(sp, model, rows, stride, last, limit):
    """Each window by itself; the targets of a row follow each other and are decoded together, so
    that no window cuts a character."""
    total, right, among, tokens, text = 0.0, 0, 0, 0, 0
    for row in rows:
        row, targets = torch.tensor(row), []
        for number, start in enumerate(range(0, len(row) - 1, stride)):
            if limit and number == limit:
                break
            y = row[start + 1:start + 1 + WINDOW]
            logits = model(row[None, start:start + WINDOW])[0, :len(y)]
            # The last tokens of the window, of which some may lie behind the end.
            y, logits = y[WINDOW - last:], logits[WINDOW - last:len(y)]
            if len(y) > 0:
                total += F.cross_entropy(logits, y, reduction="sum").item()
                best = logits.topk(10).indices
                right += (best[:, 0] == y).sum().item()
                among += (best == y[:, None]).sum().item()
                targets += y.tolist()
            if start + WINDOW + 1 > len(row):
                break
        tokens += len(targets)
        decoded = sp.decode(targets)
        assert "\ufffd" not in decoded, "the first or the last target is a part of a character"
        text += len(decoded)
    return numpy.array([numpy.exp(total / tokens), numpy.exp(total / text), 100 * among / tokens,
                        100 * right / tokens, tokens, text])


def main():
    torch.set_num_threads(1)
    torch.manual_seed(31)
    sp = train()
    rows = queues(write_books(sp))
    model = Gpt(VOCABULARY, WINDOW, 12, 2, 2, 4, 20).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_((p + 0.3 * torch.randn_like(p)).float())
        out = {k: v.float().numpy() for k, v in model.state_dict().items()}
        out.update({f"out.{name}": measure(sp, model, rows, *protocol)
                    for name, protocol in PROTOCOLS.items()})
    safetensors_file.write(f"{FOLDER}/perplexity.safetensors", out)
    for name in PROTOCOLS:
        print(name, out[f"out.{name}"])


main()
