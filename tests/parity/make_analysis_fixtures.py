"""Writes fixtures/analysis.safetensors: made-up features, logits and gradients, and what numpy in
fp64 and scikit-learn compute from them.

    python3 tests/parity/make_analysis_fixtures.py      (numpy, scikit-learn >= 1.5)
"""
import os

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from safetensors_file import write

N, K, D, E = 60, 4, 9, 6


def centred(gram):
    h = np.eye(len(gram)) - 1.0 / len(gram)
    return h @ gram @ h


def gram_cka(k, l):
    """Eq. 4 as it stands: by Gram matrices."""
    k, l = centred(k), centred(l)
    return np.sum(k * l) / np.sqrt(np.sum(k * k) * np.sum(l * l))


def hsic1(k, l):
    n = len(k)
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    one = np.ones(n)
    return (np.trace(k @ l) + one @ k @ one * (one @ l @ one) / ((n - 1) * (n - 2))
            - 2 / (n - 2) * (one @ k @ l @ one)) / (n * (n - 3))


def unbiased_cka(k, l):
    return hsic1(k, l) / np.sqrt(hsic1(k, k) * hsic1(l, l))


def inverse_frequency(y):
    """Of each row's label, counted once more than it is there; the largest is 1."""
    f = (np.bincount(y) + 1) / (np.bincount(y) + 1).sum()
    return (1 / f[y] / np.max(1 / f[y]))[:, None]


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def probe(x, y, test_x, test_y, iterations, tol):
    model = LogisticRegression(C=1.0, tol=tol, max_iter=iterations).fit(x, y)
    w, b = model.coef_, model.intercept_
    p = softmax(x @ w.T + b)
    objective = 0.5 * np.sum(w * w) - np.sum(np.log(p[np.arange(len(y)), y]))
    return (100 * model.score(test_x, test_y), 100 * model.score(x, y), objective)


def knn(x, y, test_x, test_y, metric):
    """Accuracy in percent with 1, 5 and 20 neighbours."""
    return [100 * KNeighborsClassifier(k, metric=metric, algorithm="brute").fit(x, y)
            .score(test_x, test_y) for k in (1, 5, 20)]


def eigenvalues(x):
    return np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]


def calibration(z, y):
    p = softmax(z)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    bins = np.ceil(confidence * 10).astype(int) - 1
    ece = sum(abs(right[bins == b].sum() - confidence[bins == b].sum()) for b in range(10)) / len(y)
    return ece, -np.mean(np.log(p[np.arange(len(y)), y]))


def main():
    g = np.random.default_rng(7)
    y = g.integers(0, K, N)
    test_y = g.integers(0, K, N)
    means = g.normal(size=(K, D))
    f32 = np.float32
    a = np.maximum(means[y] + g.normal(size=(N, D)), 0).astype(f32)
    test_a = np.maximum(means[test_y] + g.normal(size=(N, D)), 0).astype(f32)
    a[3] = 0.01  # not zero: every row has a direction
    b = (a @ g.normal(size=(D, D)) + g.normal(size=(N, D))).astype(f32)
    c = g.normal(size=(N, E)).astype(f32)
    logits = (3 * g.normal(size=(3, N, K)) + 4 * np.eye(K)[y]).astype(f32)
    grads = g.normal(size=(2, K, N, 25)).astype(f32)

    x, v, w = (m.astype(np.float64) for m in (a, b, c))
    ux, uv, uw = unit(x), unit(v), unit(w)
    r = inverse_frequency(y)
    z = logits.astype(np.float64)
    p = np.stack([softmax(m) for m in z])
    mean_p = p.mean(axis=0)
    variance = np.mean(np.mean(np.sum((p - mean_p) ** 2, axis=2), axis=0)) * 3 / 2
    bias2 = np.mean(np.sum((mean_p - np.eye(K)[y]) ** 2, axis=1)) - variance / 3
    j = grads.astype(np.float64)
    trace = [sum(j[s, k] @ j[s, k].T for k in range(K)) for s in range(2)]
    pseudo = [j[s].sum(axis=0) @ j[s].sum(axis=0).T for s in range(2)]
    spectrum, spectrum_unit = eigenvalues(x), eigenvalues(ux)

    # The claims that do not depend on the program at all.
    assert abs(gram_cka(x @ x.T, v @ v.T) -
               np.sum(((x - x.mean(0)).T @ (v - v.mean(0))) ** 2) /
               np.sqrt(np.sum(((x - x.mean(0)).T @ (x - x.mean(0))) ** 2) *
                       np.sum(((v - v.mean(0)).T @ (v - v.mean(0))) ** 2))) < 1e-14

    expected = {
        "cka.unit": gram_cka(ux @ ux.T, uv @ uv.T),
        "cka.raw": gram_cka(x @ x.T, v @ v.T),
        "cka.unbiased": unbiased_cka(ux @ ux.T, uv @ uv.T),
        "cka.weighted": gram_cka((r * x) @ (r * x).T, (r * v) @ (r * v).T),
        "cka.weighted_unit": gram_cka((r * ux) @ (r * ux).T, (r * uv) @ (r * uv).T),
        "cka.weighted_unbiased": unbiased_cka((r * x) @ (r * x).T, (r * v) @ (r * v).T),
        "cka.widths": gram_cka(ux @ ux.T, uw @ uw.T),
        "cka.widths_unbiased": unbiased_cka(ux @ ux.T, uw @ uw.T),
        "fa.unit": np.mean(np.sum(ux * uv, axis=1)),
        "fa.raw": np.sum(x * v) / np.sqrt(np.sum(x * x) * np.sum(v * v)),
        "ntk.trace": gram_cka(trace[0], trace[1]),
        "ntk.pseudo": gram_cka(pseudo[0], pseudo[1]),
        "probe.default": probe(x, y, test_a, test_y, 100, 1e-4),
        "probe.tight": probe(x, y, test_a, test_y, 10000, 1e-9),
        "knn.cosine": knn(x, y, test_a.astype(np.float64), test_y, "cosine"),
        "knn.euclidean": knn(x, y, test_a.astype(np.float64), test_y, "euclidean"),
        "spectrum.ratio": [spectrum[K - 1] / spectrum[K], spectrum_unit[K - 1] / spectrum_unit[K]],
        "spectrum.raw": spectrum,
        "spectrum.unit": spectrum_unit,
        "bias_variance": [variance, bias2],
        "calibration": calibration(z[0], y),
        "accuracy": 100 * np.mean(z[0].argmax(axis=1) == y),
        # agreement with net 1 as the teacher, KL(teacher || student), Hellinger distance
        "fidelity": [100 * np.mean(z[0].argmax(axis=1) == z[1].argmax(axis=1)),
                     np.mean(np.sum(p[1] * np.log(p[1] / p[0]), axis=1)),
                     np.mean(np.linalg.norm(np.sqrt(p[0]) - np.sqrt(p[1]), axis=1)) / np.sqrt(2)],
    }
    arrays = {"in.a": a, "in.test_a": test_a, "in.b": b, "in.c": c, "in.logits": logits,
              "in.grads": grads, "in.y": y.astype(np.int64), "in.test_y": test_y.astype(np.int64)}
    for name, value in expected.items():
        arrays["out." + name] = np.atleast_1d(np.asarray(value, dtype=np.float64))
    write(os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures",
                       "analysis.safetensors"), arrays)


if __name__ == "__main__":
    main()
