"""Computes with PyTorch what test_text_analyses.sh measured, from the weights that the runs kept:
CKA, plain and weighted, and feature alignment over the tokens of the test books.

    check_text_analyses.py SOURCE TOKENS KAPPA.DB
"""
import pathlib
import sqlite3
import sys

import numpy as np
import torch

source, tokens, database = (pathlib.Path(a) for a in sys.argv[1:])
sys.path.insert(0, str(source / "tests" / "parity"))
from safetensors_file import read
from torch_models import Gpt

ROWS, WINDOW, SEPARATOR, VOCABULARY, WIDTH = 4, 32, 2, 64, 32


def windows():
    """Tokens and labels of the windows that have a label for each token."""
    texts, loads = [[] for _ in range(ROWS)], [0] * ROWS
    for path, count in np.load(tokens / "file_list_test_iid.npy"):
        shortest = loads.index(min(loads))
        loads[shortest] += int(count)
        texts[shortest] += [*np.load(tokens / "made" / path).tolist(), SEPARATOR]
    whole = [t[at:at + WINDOW + 1] for t in texts for at in range(0, len(t) - WINDOW, WINDOW)]
    ids = torch.tensor(whole)
    return ids[:, :-1], ids[:, 1:]


def features(path, ids):
    """(tokens, width) in fp64"""
    net = Gpt(VOCABULARY, WINDOW, WIDTH, 1, 2, 16, 64)
    net.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in read(path).items()})
    seen = []
    net.ln_f.register_forward_hook(lambda module, x, y: seen.append(y.detach()))
    with torch.no_grad():
        net.eval()(ids)
    return seen[0].reshape(-1, WIDTH).double().numpy()


def cka(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return np.sum((x.T @ y) ** 2) / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)


def main():
    db = sqlite3.connect(database)
    folder = pathlib.Path(f"{database}.d")
    ids, labels = windows()
    labels = labels.reshape(-1).numpy()
    weight = 1 / (np.bincount(labels, minlength=VOCABULARY) + 1)[labels][:, None]
    weight /= weight.max()
    checked, worst = 0, 0.0
    runs = db.execute("SELECT r.id, a.path FROM run r JOIN artifact a ON a.run = r.teacher_run AND "
                      "a.role = 'model' WHERE r.kind = 'train'").fetchall()
    for run, teacher in runs:
        y = features(folder / teacher, ids)
        for role, path in db.execute("SELECT role, path FROM artifact WHERE run = ? AND role GLOB "
                                     "'model*'", (run,)).fetchall():
            x = features(folder / path, ids)
            for name, want in (("cka", cka(x, y)), ("cka_weighted", cka(weight * x, weight * y)),
                               ("feature_alignment", np.sum(x * y) / np.sqrt(np.sum(x * x) *
                                                                             np.sum(y * y)))):
                got, = db.execute("SELECT v.value FROM v_pairwise v JOIN run r ON r.uid = v.uid_a "
                                  "WHERE r.id = ? AND v.metric = 'test/' || ? AND v.n = ? AND "
                                  "v.kappa = ?", (run, name, len(labels),
                                                  float(role.partition("@")[2] or 0.8))).fetchone()
                assert abs(got - want) < 1e-5, (name, role, got, want)
                checked, worst = checked + 1, max(worst, abs(got - want))
    assert checked == 18, checked
    print(f"{len(labels)} tokens, {checked} values; largest difference {worst:.1e}")


main()
