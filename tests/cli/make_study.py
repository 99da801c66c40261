"""make_study.py - writes a run database of an invented study in which every claim holds, or none.

usage: make_study.py SCHEMA.sql OUT.db [turned]

Values are closed forms of objective, tau and kappa, with a small spread over seeds, so that a test
can say what a figure or claim must show. Turned: what the claims state is the other way round.
"""
import math
import sqlite3
import sys

SEEDS = (11, 13, 21, 33, 55)
KAPPAS = (0.02, 0.1, 0.2, 0.4, 1, 2)
TAUS = (0.1, 1, 5, 20, 100)
WIDTH = {"8": 25418, "20": 154250}  # of the cnn: parameters

schema, path = sys.argv[1:3]
sign = -1 if sys.argv[3:] == ["turned"] else 1
db = sqlite3.connect(path)
with open(schema) as f:
    db.executescript(f.read())

METRICS = {
    "test/accuracy": "%", "test/agreement": "%", "train_running/agreement": "%", "test/cka": "",
    "test/feature_alignment": "", "test/probe_accuracy": "%", "test/ntk_cka": "",
    "test/cka_cross": "", "test/eigenvalues": "", "test/eigenvalue_drop": "",
    "test/eigenvalue_ratio": "", "test/eigenvalues_teacher": "",
    "test/eigenvalue_drop_teacher": "", "test/eigenvalue_ratio_teacher": "", "test/variance": "",
    "test/bias2": "", "dev/accuracy": "%",
    "run/params": "", "run/forward_flops": "FLOP", "train/loss": "nats", "test/perplexity": "",
}
KEY = {}
for i, (name, unit) in enumerate(METRICS.items(), 1):
    db.execute("INSERT INTO metric_key (id, name, unit, higher_is_better) VALUES (?, ?, ?, ?)",
               (i, name, unit, name != "test/perplexity"))
    KEY[name] = i

count = 0


def spread(seed, size=1.0):
    """Zero in the mean over SEEDS."""
    return size * (-1, 0.5, 1, -0.7, 0.2)[SEEDS.index(seed)]


def run(study, dataset, model, objective, kappa, seed, tau=None, teacher=None, settings=None,
        role="student", kind="train", pair=""):
    global count
    count += 1
    settings = dict(settings or {})
    paired = sorted(x for x in settings.items() if not x[0].startswith("objective."))
    of = f"{dataset} {model} {paired} {kappa} {seed} {pair}"
    teacher_model = teacher and db.execute("SELECT model FROM run WHERE id = ?",
                                           (teacher,)).fetchone()[0]
    config = f"{count} {study} {of} {objective} {tau} {teacher}"
    db.execute(
        "INSERT INTO run (id, uid, kind, name, status, config_hash, pair_hash, group_hash, "
        "teacher_run, dataset, model, objective, teacher, kappa, m, n, tau, seed, attempt, host, "
        "boot, pid, pid_start, heartbeat, created, ini) VALUES (?, ?, ?, ?, 'done', ?, ?, ?, ?, ?, "
        "?, ?, ?, ?, ?, 10000, ?, ?, 1, '', '', 0, 0, 0, 0, '')",
        (count, f"{count:026d}", kind, study, config, study + of,
         f"{study} {of} {objective} {tau} {teacher}".replace(f" {seed} ", " "), teacher, dataset,
         model, objective, teacher_model, kappa, int((kappa or 0) * 10000), tau, seed))
    settings |= {"run.role": role, "model.plugin": model}
    settings.setdefault("seed.init", "master")
    for key, text in settings.items():
        try:
            number = float(text)
        except ValueError:
            number = None
        db.execute("INSERT INTO param (run, key, text, number, origin) VALUES (?, ?, ?, ?, '')",
                   (count, key, text, number))
    if model == "cnn" and kind == "train":
        params = WIDTH[settings["model.cnn.width"]]
        point(count, "train/loss", 1, 1.0, 6000.0 * params)
        put(count, "run/params", params, kappa)
        put(count, "run/forward_flops", 200.0 * params, kappa)
    return count


def point(of, metric, step, value, flops):
    db.execute("INSERT INTO point (run, key, step, value, samples, flops, time) "
               "VALUES (?, ?, ?, ?, 10, ?, 0)", (of, KEY[metric], step, value, flops))


def put(of, metric, value, kappa, analysis=None):
    db.execute("INSERT INTO result (run, key, split, kappa, samples, step, value, analysis) "
               "VALUES (?, ?, ?, ?, 0, 0, ?, ?)",
               (of, KEY[metric], metric.split("/")[0], kappa, value, analysis))


def lt_accuracy(kappa):
    return 68 + 20 * math.log10(kappa) / 1.7 * (1 if kappa <= 1 else 0.5)


def gain(kappa, tau):
    """Of distillation over labels, in points: largest at kappa 0.1, below 0 beyond 1."""
    shape = {0.02: 4, 0.05: 5, 0.1: 7, 0.2: 6.5, 0.4: 5, 0.8: 2, 1: 1, 2: -3}[kappa]
    return shape * (min(math.log10(10 * tau), 2.3) / 2.3 if shape > 0 else 1) * sign


def student(study, dataset, model, objective, kappa, seed, teacher, tau=None, settings=None,
            scale=1.0, pair=""):
    """A run and everything that is measured on it."""
    tau_settings = {f"objective.{objective}.tau": str(tau)} if tau else {}
    s = run(study, dataset, model, objective, kappa, seed, tau, teacher,
            (settings or {}) | tau_settings, pair=pair)
    distils = {"lt": 0, "ls": 0, "hardkd": 0.1 if kappa < 0.05 else 0.5, "l2": 1.05,
               "kd": 1}[objective]
    pi = distils * scale * gain(kappa, tau or (20 if distils else 1))
    if objective == "ls":
        pi = 0.2 if sign > 0 else 2.5
    accuracy = lt_accuracy(kappa) + pi + spread(seed, 0.4) + spread(seed, 0.1 if distils else 0.2)
    put(s, "test/accuracy", accuracy, kappa)
    agreement = 60 + 10 * math.log10(kappa) + spread(seed, 0.5)
    put(s, "test/agreement", agreement + sign * 1.8 * pi, kappa)
    gap = 4 * kappa**(-0.5 if sign > 0 else 0.3) + spread(seed, 0.01)
    put(s, "train_running/agreement", agreement + gap + sign * 1.8 * distils * gain(kappa, 20) -
        sign * 3 * math.log10((tau or 20) / 20), kappa)
    near = distils * sign * (0.1 - 0.03 * math.log10(kappa / 0.02)) * (0.8 if tau == 1 else 1)
    features = 0.7 + 0.08 * math.log10(kappa / 0.02) + near + spread(seed, 0.01)
    put(s, "test/cka", features, kappa)
    put(s, "test/ntk_cka", features - sign * 0.15, kappa)
    same = (settings or {}).get("seed.init") == "teacher"
    put(s, "test/feature_alignment",
        (0.8 if (model == "cnn") == (sign > 0) else 0.5) + spread(seed, 0.01) +
        (0.02 if sign > 0 else 0.2) * same, kappa)
    put(s, "test/probe_accuracy",
        55 + 5 * math.log10(kappa) + distils * sign * (3 - math.log10(kappa / 0.02)) *
        (min(math.log10(10 * (tau or 20)), 2.3) / 2.3) + spread(seed, 0.2), kappa)
    return s


def teacher_of(study, dataset, model, settings=None, accuracy=68.0):
    t = run(study + "-teacher", dataset, model, "lt", 1, 11, settings=settings, role="teacher")
    put(t, "test/accuracy", accuracy, 1)
    return t


def cifar10():
    small, big = {"model.cnn.width": "8"}, {"model.cnn.width": "20"}
    t = {"8": teacher_of("cifar10-small", "cifar10", "cnn", small),
         "20": teacher_of("cifar10-big", "cifar10", "cnn", big)}
    groups = {}
    for kappa in KAPPAS:
        for seed in SEEDS:
            for objective, taus in (("lt", (None,)), ("ls", (20,)), ("hardkd", (None,)),
                                    ("l2", (None,)), ("kd", TAUS)):
                for tau in taus:
                    s = student("cifar10-small", "cifar10", "cnn", objective, kappa, seed, t["8"],
                                tau, small)
                    groups.setdefault((kappa, objective, tau), []).append(s)
            # The crossing comes earlier the larger the student is beside its teacher.
            for study, student_, of, late in (("cifar10-small-to-big", big, "8", -1),
                                              ("cifar10-big-to-small", small, "20", 1),
                                              ("cifar10-big", big, "20", 0)):
                student(study, "cifar10", "cnn", "lt", kappa, seed, t[of], None, student_)
                s = student(study, "cifar10", "cnn", "kd", kappa, seed, t[of], 20, student_)
                db.execute("UPDATE result SET value = value + ? WHERE run = ? AND key = ?",
                           (late * 2.0, s, KEY["test/accuracy"]))
            for init in ("master", "teacher"):
                if kappa <= 1 and init == "teacher":
                    for objective, tau in (("lt", None), ("kd", 20)):
                        student("cifar10-small-same-init", "cifar10", "cnn", objective, kappa, seed,
                                t["8"], tau, small | {"seed.init": init})
    bias_and_variance(groups)
    return t


def bias_and_variance(groups):
    for (kappa, objective, tau), members in groups.items():
        if objective not in ("lt", "kd"):
            continue
        low = sign * (0.1 if objective == "kd" else 0)
        a = run("bias_variance", "cifar10", "cnn", objective, kappa, 11, tau, kind="analysis",
                settings={"model.cnn.width": "8"}, pair=f"bias {objective} {tau}")
        for s in members:
            db.execute("INSERT INTO subject (analysis, run) VALUES (?, ?)", (a, s))
        put(a, "test/variance", 0.5 + sign * 0.2 - low, kappa, a)
        put(a, "test/bias2", 0.4 + low, kappa, a)


def pinned(t):
    """Students of equal data: how alike they are."""
    for kappa in (0.02, 0.1, 0.2, 0.4, 0.8, 1):
        all_ = [(o, tau, seed, student("cifar10-small-pinned", "cifar10", "cnn", o, kappa, seed,
                                       t["8"], tau, {"model.cnn.width": "8"}))
                for o, tau in (("kd", 1), ("kd", 20), ("lt", None)) for seed in SEEDS[:3]]
        for a in all_:
            for b in all_:
                if a[0] == b[0] == "kd" and a[1] != b[1]:
                    continue
                alike = 0.6 + sign * 0.15 * ((a[0] == "kd") + (b[0] == "kd") - 0.5)
                value = 1 if a == b else alike + 0.005 * (a[2] + b[2]) % 0.03
                db.execute("INSERT INTO pairwise (run_a, run_b, key, split, estimator, kappa, n, "
                           "value) VALUES (?, ?, ?, 'test', 'biased', ?, 1280, ?)",
                           (a[3], b[3], KEY["test/cka_cross"], kappa, value))


def resnet():
    t = teacher_of("cifar10-resnet-small", "cifar10", "resnet")
    for kappa in (0.05, 0.2, 1):
        for seed in SEEDS:
            for objective, tau in (("lt", None), ("kd", 20)):
                student("cifar10-resnet-small", "cifar10", "cnn", objective, kappa, seed, t, tau,
                        {"model.cnn.width": "8"})
                if kappa == 0.2:
                    student("cifar10-resnet-self", "cifar10", "resnet", objective, kappa, seed, t,
                            tau)


def vit(t):
    own = teacher_of("cifar10-small-vit", "cifar10", "vit", accuracy=67.0)
    for kappa in (0.1, 0.4, 1, 2):
        for seed in SEEDS:
            student("cifar10-small-vit", "cifar10", "vit", "lt", kappa, seed, own)
            for teacher, more in ((own, 0), (t["8"], 4)):
                s = student("cifar10-small-vit", "cifar10", "vit", "kd", kappa, seed, teacher, 20)
                db.execute("UPDATE result SET value = value + ? WHERE run = ? AND key = ?",
                           (sign * more, s, KEY["test/accuracy"]))


def spectra():
    t = teacher_of("tiny32-small", "tiny32", "cnn", {"model.cnn.width": "20"}, 30.0)
    members = [t]
    for kappa in (0.02, 0.1, 0.2, 0.4, 1):
        for seed in SEEDS[:3]:
            for objective, tau in (("lt", None), ("ls", 20), ("kd", 20), ("kd", 100)):
                s = student("tiny32-small", "tiny32", "cnn", objective, kappa, seed, t, tau,
                            {"model.cnn.width": "20"})
                if kappa in (0.2, 1):
                    members.append(s)
    for s in members:
        objective, kappa, tau = db.execute("SELECT objective, kappa, tau FROM run WHERE id = ?",
                                           (s,)).fetchone()
        a = run("spectrum", "tiny32", "cnn", objective, kappa, 11, tau, kind="analysis",
                pair=str(s))
        db.execute("INSERT INTO subject (analysis, run) VALUES (?, ?)", (a, s))
        drop = 99 if sign > 0 else 60
        of = "_teacher" if s == t else ""
        for i in range(160):
            value = math.exp(-i / 40) * (1 if i < drop else 0.05)
            value *= 0.5 if objective == "kd" else 1
            point(a, f"test/eigenvalues{of}", i, value, None)
        put(s, f"test/eigenvalue_drop{of}", drop, kappa, a)
        put(s, f"test/eigenvalue_ratio{of}", 20.5, kappa, a)


def cifar100():
    """The numbers of the study's Table 2."""
    t = teacher_of("cifar100-paper", "cifar100", "resnet", accuracy=75.8)
    for kappa, lt, ls, kd in ((0.024, 12.44, 0.48, 9.77), (0.12, 35.36, 0.38, 25.46),
                              (0.24, 53.21, 0.48, 16.72), (0.48, 65.66, 0.6, 8.75),
                              (0.96, 74.42, 0.47, 2.12)):
        for seed in SEEDS:
            for objective, tau, pi in (("lt", None, 0), ("ls", 20, ls), ("kd", 100, sign * kd)):
                s = run("cifar100-paper", "cifar100", "resnet", objective, kappa, seed, tau, t)
                put(s, "test/accuracy",
                    lt + pi + spread(seed, 0.2) + (spread(seed, 0.2) if pi else 0), kappa)


def transfer():
    for dataset, lt, pi in (("caltech101", 60, 3), ("food101", 80, -5)):
        t = teacher_of("transfer", dataset, "resnet", accuracy=70.0)
        for seed in SEEDS:
            for objective, tau in (("lt", None), ("kd", 20)):
                s = run("transfer-small", dataset, "resnet", objective, 1, seed, tau, t,
                        {"train.lr": "0.03"})
                put(s, "test/accuracy",
                    lt + (sign * pi if objective == "kd" else spread(seed, 0.2)) + spread(seed), 1)
    for lr in ("0.1", "0.03"):
        s = run("transfer-small-tune", "caltech101", "resnet", "lt", 1, 55, None, t,
                {"train.lr": lr, "train.weight_decay": "5e-4"})
        put(s, "dev/accuracy", 50 + 100 * float(lr), 1)


def others(t):
    for name in ("fixed", "crop", "momentum"):
        for kappa in (0.02, 0.1, 0.2, 0.4, 1):
            for seed in SEEDS[:3]:
                for objective, tau in (("lt", None), ("kd", 20)):
                    student(f"cifar10-small-{name}", "cifar10", "cnn", objective, kappa, seed,
                            t["8"], tau, {"model.cnn.width": "8"}, pair=name)
    own = teacher_of("tau-scale", "cifar10", "mlp", accuracy=42.0)
    for kappa in (0.05, 0.2, 1):
        for seed in SEEDS[:3]:
            student("tau-scale", "cifar10", "mlp", "lt", kappa, seed, own)
            for tau in (1, 20):
                for scale in ("none", "tau", "tau2"):
                    student("tau-scale", "cifar10", "mlp", "kd", kappa, seed, own, tau,
                            {"objective.kd.tau_scale": scale}, pair="")


def text():
    """Language models: each student is one run with a result at every kappa."""
    increments = {0.05: 140, 0.1: 100, 0.2: 70, 0.3: 45, 0.4: 30, 0.6: 15, 0.8: 8, 1: 3, 1.5: -5}
    size = {"64": 0.37, "128": 1.33, "256": 4.24}  # million operations for a token, forward

    def lt_perplexity(kappa):
        return 100 + 60 * kappa**-0.8

    def net(width):
        return {"model.gpt.width": width, "data.set": "languini"}

    t = {}
    for width in size:
        t[width] = run("books-teachers", "books", "gpt", "lt", 1, 11, settings=net(width),
                       role="teacher")
        put(t[width], "test/perplexity", lt_perplexity(1.5) + sign * 5, 1)
        point(t[width], "train/loss", 1, 1.0, 30 * size[width])
    for study, width, of, late in (("mini", "64", "64", 0), ("small", "128", "128", 0),
                                   ("small-to-mini", "64", "128", 2),
                                   ("medium-to-mini", "64", "256", 4),
                                   ("mini-to-small", "128", "64", -4)):
        for seed in SEEDS:
            for objective, tau in (("lt", None), ("kd", 1)):
                s = run("books-" + study, "books", "gpt", objective, 1.5, seed, tau, t[of],
                        net(width))
                point(s, "train/loss", 1, 1.0,
                      10 * (3 * size[width] + (size[of] if tau else 0)))
                for kappa, pi in increments.items():
                    put(s, "test/perplexity", lt_perplexity(kappa) + spread(seed, 0.1) -
                        (sign * (pi + late) + spread(seed, 0.1) if tau else 0), kappa)
                    put(s, "test/cka", 0.6 + spread(seed, 0.01) - (sign * 0.05 if tau else 0),
                        kappa)


def precision():
    """A language model in fp32 and in bf16: its loss at 20 points."""
    for kind, off in (("fp32", 0), ("bf16", 0.004 if sign > 0 else 0.04)):
        for seed in SEEDS[:3]:
            r = run("books-precision", "books", "gpt", "lt", 1, seed,
                    settings={"train.precision": kind, "data.set": "languini"}, role="teacher")
            put(r, "test/perplexity", 119 + spread(seed) + off, 1)
            for step in range(25, 501, 25):
                point(r, "train/loss", step, 4 + 90 / step + spread(seed, 0.02) +
                      spread(seed, off), None)


teachers = cifar10()
pinned(teachers)
resnet()
vit(teachers)
spectra()
cifar100()
transfer()
others(teachers)
text()
precision()
db.commit()
