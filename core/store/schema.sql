-- schema.sql - the run database: every table, column and view, version 4.
--
-- Comments stand inside the statements, so that `.schema` of the sqlite3 shell shows them. Times
-- are seconds since 1970 in UTC. A number that was NaN or infinite is NULL with the word in `flag`.
PRAGMA application_id = 0x4b415050; -- "KAPP"
PRAGMA user_version = 4;

CREATE TABLE run (
    -- One training, or one analysis, under one resolved configuration.
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE CHECK (length(uid) = 26), -- public name; sorts by time of creation
    kind TEXT NOT NULL,        -- 'train', 'analysis'; 'import': weights from elsewhere
    name TEXT,                 -- the study that it belongs to ([run] name); of an analysis its
                               --   section, 'cka' or 'cka.unbiased'
    status TEXT NOT NULL       -- 'interrupted' (stopped by request) and 'lost' (its process is
                               --   gone) continue from their checkpoints
        CHECK (status IN ('pending', 'running', 'done', 'failed', 'interrupted', 'lost')),
    config_hash TEXT NOT NULL UNIQUE, -- over everything that can change the weights; of an analysis
                               --   over its settings and the hashes of the runs that it looks at
    pair_hash TEXT NOT NULL,   -- the same without objective and teacher: what PI and PG compare
    group_hash TEXT NOT NULL,  -- the same as config_hash without seed.master: what means are over
    teacher_run INTEGER REFERENCES run (id), -- the run whose weights teach it
    dataset TEXT NOT NULL,
    model TEXT NOT NULL,       -- plugin
    objective TEXT NOT NULL,   -- plugin
    teacher TEXT,              -- the teacher's model; NULL for a run without one
    kappa REAL,                -- m / n as asked for; 1 for a teacher
    m INTEGER,                 -- examples it trains on
    n INTEGER,                 -- examples its teacher trained on
    tau REAL,                  -- temperature; NULL for an objective without one
    seed INTEGER NOT NULL,     -- seed.master
    attempt INTEGER NOT NULL,  -- 1, and one more each time it was continued
    step INTEGER NOT NULL DEFAULT 0,    -- optimizer steps done
    steps INTEGER,                      -- of the whole run
    samples INTEGER NOT NULL DEFAULT 0, -- examples seen in training
    host TEXT NOT NULL,        -- these four tell which process holds a running run:
    boot TEXT NOT NULL,        --   the kernel's boot id
    pid INTEGER NOT NULL,
    pid_start INTEGER NOT NULL, --  its start in clock ticks since boot: a reused pid differs
    heartbeat REAL NOT NULL,   -- last sign of life
    created REAL NOT NULL,
    finished REAL,
    error TEXT,                -- why it failed
    ini TEXT NOT NULL          -- the resolved configuration; running it again gives the same hash.
                               --   Of an analysis its own section
) STRICT;
CREATE INDEX run_pair ON run (pair_hash, objective);
CREATE INDEX run_group ON run (group_hash);
CREATE INDEX run_study ON run (name, group_hash);
CREATE INDEX run_teacher ON run (teacher_run);
CREATE INDEX run_active ON run (status) WHERE status = 'running';
CREATE INDEX run_open ON run (status) WHERE status <> 'done';

CREATE TABLE attempt (
    -- One process that worked on a run, from its start to its end or loss.
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,  -- 1, 2, ...
    resume_step INTEGER,       -- of the checkpoint it continued; NULL: from the start
    started REAL NOT NULL,
    finished REAL,             -- the last heartbeat of one that was lost
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    device TEXT NOT NULL,      -- what computed: kind, level, libraries, slice, threads
    threads INTEGER NOT NULL,
    versions TEXT NOT NULL,    -- of kappa, compiler and libraries
    git_revision TEXT,         -- of the experiment's folder; NULL outside of a git checkout
    git_dirty INTEGER,         -- 1: files of that checkout were changed and not committed
    build TEXT,                -- sha256 of the program's file
    level TEXT,                -- processor level: 'portable', 'avx2', 'avx512'; NULL: no such
                               --   choice on this device
    PRIMARY KEY (run, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE param (
    -- The settings of a run. Beside them what [teacher] and [init] come to: 'init.identity' is the
    -- configuration hash of its run or the sha256 of its file, 'init.uid' the run.
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key TEXT NOT NULL,         -- 'train.lr'
    text TEXT NOT NULL,        -- canonical
    number REAL,               -- the same as a number; NULL if it is none
    origin TEXT NOT NULL,      -- 'file.ini:12', 'default', '--set', '[sweep]'
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_plugin (
    -- The plugins that a run used.
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,        -- 'model', 'objective', 'metric', 'op', 'dataset'
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,      -- of the file
    abi_major INTEGER NOT NULL,
    abi_minor INTEGER NOT NULL,
    PRIMARY KEY (run, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE subset (
    -- The examples that a run drew: enough to draw them again and to check that they are the same.
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    role TEXT NOT NULL,        -- 'train', 'dev', 'teacher_pool'
    algorithm TEXT NOT NULL,
    seed INTEGER NOT NULL,
    count INTEGER NOT NULL,
    overlap INTEGER NOT NULL,  -- how many of them are in the teacher's pool
    sha256 TEXT NOT NULL,      -- of the example numbers as little-endian 64-bit integers
    PRIMARY KEY (run, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact (
    -- Files that a run wrote, below the database's folder.
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    role TEXT NOT NULL,        -- 'model', 'model@0.1': the same at a kappa of its curve,
                               --   'checkpoint', 'checkpoint_before',
                               --   'teacher_table.<16 digits>': logits of a split, as
                               --   core/train/table.h has them
    path TEXT NOT NULL,        -- relative to '<database>.d'
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    epoch INTEGER NOT NULL,    -- epochs done when it was written
    step INTEGER NOT NULL,     -- steps done then
    created REAL NOT NULL,
    PRIMARY KEY (run, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX artifact_role ON artifact (role);

CREATE TABLE metric_key (
    -- What is measured.
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE, -- 'test/accuracy': split, then metric
    unit TEXT NOT NULL,        -- '%', 'nats', ''
    higher_is_better INTEGER NOT NULL CHECK (higher_is_better IN (0, 1))
) STRICT;

CREATE TABLE point (
    -- Curves: what was measured while a run trained.
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key INTEGER NOT NULL REFERENCES metric_key (id),
    step INTEGER NOT NULL,     -- optimizer steps done
    value REAL,
    flag TEXT CHECK (flag IN ('nan', 'inf', '-inf')),
    samples INTEGER NOT NULL,  -- examples seen in training so far
    flops REAL,                -- of student and teacher, training so far
    time REAL NOT NULL,
    PRIMARY KEY (run, key, step),
    CHECK ((value IS NULL) = (flag IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE result (
    -- What a run is judged by: measured after its last epoch, or at each kappa of one curve.
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key INTEGER NOT NULL REFERENCES metric_key (id),
    split TEXT NOT NULL,       -- 'test', 'train', 'dev'; 'run': concerns no examples
    kappa REAL NOT NULL,       -- data seen over the teacher's data
    samples INTEGER NOT NULL,  -- examples seen in training
    step INTEGER NOT NULL,     -- optimizer steps done
    value REAL,
    flag TEXT CHECK (flag IN ('nan', 'inf', '-inf')),
    analysis INTEGER REFERENCES run (id) ON DELETE CASCADE, -- that measured it; NULL: its run
    PRIMARY KEY (run, key, split, kappa),
    CHECK ((value IS NULL) = (flag IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX result_analysis ON result (analysis) WHERE analysis IS NOT NULL;

CREATE TABLE pairwise (
    -- What compares two runs: agreement with the teacher, similarity of features.
    run_a INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    run_b INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key INTEGER NOT NULL REFERENCES metric_key (id),
    split TEXT NOT NULL,
    estimator TEXT NOT NULL,   -- how it was estimated; '' where there is one way only
    kappa REAL NOT NULL,       -- the point of run_a's curve; of a run with one result its kappa
    n INTEGER NOT NULL,        -- examples, or tokens of a text, it was taken over
    value REAL,
    flag TEXT CHECK (flag IN ('nan', 'inf', '-inf')),
    analysis INTEGER REFERENCES run (id) ON DELETE CASCADE, -- that measured it; NULL: run_a did
    PRIMARY KEY (run_a, run_b, key, split, estimator, kappa),
    CHECK ((value IS NULL) = (flag IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX pairwise_b ON pairwise (run_b);
CREATE INDEX pairwise_analysis ON pairwise (analysis) WHERE analysis IS NOT NULL;

CREATE TABLE subject (
    -- The runs that an analysis looked at, those compared with included.
    analysis INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    PRIMARY KEY (analysis, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX subject_run ON subject (run);

CREATE TABLE sweep (
    -- An experiment as it was run: one row for each text of its file.
    id INTEGER PRIMARY KEY,
    experiment TEXT NOT NULL,  -- path of the INI file
    sha256 TEXT NOT NULL,      -- of its text
    text TEXT NOT NULL,
    created REAL NOT NULL,
    UNIQUE (experiment, sha256)
) STRICT;

CREATE TABLE sweep_run (
    -- The runs that an experiment stands for. A run may belong to several.
    sweep INTEGER NOT NULL REFERENCES sweep (id) ON DELETE CASCADE,
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    PRIMARY KEY (sweep, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX sweep_run_run ON sweep_run (run);

CREATE TABLE event (
    -- What happened and may matter later.
    id INTEGER PRIMARY KEY,
    run INTEGER REFERENCES run (id) ON DELETE CASCADE, -- NULL: concerns the database
    time REAL NOT NULL,
    kind TEXT NOT NULL,        -- 'lost', 'journal', 'teacher', ...
    text TEXT NOT NULL
) STRICT;
CREATE INDEX event_run ON event (run);

CREATE VIEW v_run AS
    -- A row for each training, with its final metrics (of its largest kappa, where it has several)
    -- as columns; accuracy and agreement in percent, kl in nats.
    SELECT
        r.uid, r.kind, r.name, r.status, r.dataset, r.model, r.teacher, r.objective,
        r.tau, r.kappa, r.m, r.n, r.seed,
        (SELECT value FROM result WHERE run = r.id AND split = 'test' AND key =
            (SELECT id FROM metric_key WHERE name = 'test/accuracy')
            ORDER BY kappa DESC LIMIT 1) AS test_accuracy,
        (SELECT value FROM result WHERE run = r.id AND split = 'test' AND key =
            (SELECT id FROM metric_key WHERE name = 'test/perplexity')
            ORDER BY kappa DESC LIMIT 1) AS test_perplexity, -- of text, of a token
        (SELECT value FROM result WHERE run = r.id AND split = 'test' AND key =
            (SELECT id FROM metric_key WHERE name = 'test/agreement')
            ORDER BY kappa DESC LIMIT 1) AS test_agreement, -- top-1 agreement with the teacher
        (SELECT value FROM result WHERE run = r.id AND split = 'test' AND key =
            (SELECT id FROM metric_key WHERE name = 'test/kl')
            ORDER BY kappa DESC LIMIT 1) AS test_kl,        -- from the teacher's distribution
        (SELECT value FROM result WHERE run = r.id AND split = 'train' AND key =
            (SELECT id FROM metric_key WHERE name = 'train/accuracy')
            ORDER BY kappa DESC LIMIT 1) AS train_accuracy,
        (SELECT value FROM result WHERE run = r.id AND split = 'train' AND key =
            (SELECT id FROM metric_key WHERE name = 'train/agreement')
            ORDER BY kappa DESC LIMIT 1) AS train_agreement,
        (SELECT value FROM result WHERE run = r.id AND split = 'train' AND key =
            (SELECT id FROM metric_key WHERE name = 'train/kl')
            ORDER BY kappa DESC LIMIT 1) AS train_kl,
        r.step, r.steps, r.samples, r.attempt,
        (SELECT sum(coalesce(a.finished, r.heartbeat) - a.started) FROM attempt a
            WHERE a.run = r.id) AS seconds, -- worked on it, over all attempts
        datetime(r.created, 'unixepoch') AS created,   -- UTC
        datetime(r.finished, 'unixepoch') AS finished, -- UTC
        t.uid AS teacher_run, r.error, r.config_hash, r.pair_hash, r.group_hash
    FROM run r LEFT JOIN run t ON t.id = r.teacher_run
    WHERE r.kind <> 'analysis';

CREATE VIEW v_analysis AS
    -- A row for each analysis.
    SELECT
        r.uid,
        r.name,     -- its section, 'cka' or 'cka.unbiased'
        r.status,
        r.dataset, r.model, r.teacher, r.objective, r.tau, r.kappa, r.seed, -- of its first subject
        (SELECT count(*) FROM subject WHERE analysis = r.id) AS runs, -- looked at
        (SELECT count(*) FROM result WHERE analysis = r.id) +
            (SELECT count(*) FROM pairwise WHERE analysis = r.id) AS values_found,
        (SELECT group_concat(text, '; ') FROM event WHERE run = r.id AND kind = 'absent')
            AS absent, -- what could not be measured, and why
        (SELECT sum(coalesce(a.finished, r.heartbeat) - a.started) FROM attempt a
            WHERE a.run = r.id) AS seconds,
        r.error, r.config_hash
    FROM run r
    WHERE r.kind = 'analysis';

CREATE VIEW v_pairwise AS
    -- A row for each value that compares two runs, both with what they are.
    SELECT
        k.name AS metric, p.split, p.estimator, p.n,
        p.kappa, -- of the curve of run a, where it has several; kappa_a is its last
        p.value,
        a.uid AS uid_a, a.model AS model_a, a.objective AS objective_a, a.tau AS tau_a,
        a.kappa AS kappa_a, a.seed AS seed_a,
        b.uid AS uid_b, b.model AS model_b, b.objective AS objective_b, b.tau AS tau_b,
        b.kappa AS kappa_b, b.seed AS seed_b
    FROM pairwise p JOIN metric_key k ON k.id = p.key
        JOIN run a ON a.id = p.run_a JOIN run b ON b.id = p.run_b;

CREATE VIEW v_pair AS
    -- A row for each result of a finished run with another objective than lt, beside that of the
    -- finished lt run of the same pair hash, at the same kappa: one seed's performance increment.
    -- Where the lt run was compared with several teachers, its value is that with this run's, at
    -- that kappa.
    SELECT
        a.name, a.dataset, a.model, a.teacher, a.objective, a.tau, v.kappa, a.seed,
        k.name AS metric,
        coalesce(q.value, b.value) AS lt,  -- of the lt run
        v.value,        -- of this run
        CASE k.higher_is_better WHEN 1 THEN v.value - coalesce(q.value, b.value)
            ELSE coalesce(q.value, b.value) - v.value END
            AS pi,      -- performance increment: positive is better than lt
        CASE k.higher_is_better WHEN 1 THEN v.value / coalesce(q.value, b.value)
            ELSE coalesce(q.value, b.value) / v.value END
            AS pg,      -- performance gain: above 1 is better than lt
        a.uid, l.uid AS lt_uid, a.group_hash
    FROM run a -- CROSS JOIN keeps this order: each step then is one search of an index
        CROSS JOIN result v ON v.run = a.id
        CROSS JOIN metric_key k ON k.id = v.key
        CROSS JOIN run l ON l.pair_hash = a.pair_hash AND l.objective = 'lt'
            AND l.kind = a.kind AND l.status = 'done'
        CROSS JOIN result b ON b.run = l.id AND b.key = v.key AND b.split = v.split
            AND b.kappa = v.kappa
        LEFT JOIN pairwise q ON q.run_a = l.id AND q.run_b = a.teacher_run AND q.key = v.key
            AND q.split = v.split AND q.kappa = v.kappa
    WHERE (q.run_a IS NOT NULL OR NOT EXISTS (SELECT 1 FROM pairwise o
            WHERE o.run_a = l.id AND o.key = v.key AND o.split = v.split AND o.kappa = v.kappa
                AND o.run_b <> l.id AND a.teacher_run IS NOT NULL))
        AND a.objective <> 'lt' AND a.status = 'done';

CREATE VIEW v_pi AS
    -- v_pair over seeds: a row for each study, configuration but for the seed (group_hash), kappa
    -- and metric. Two rows that look alike differ in a setting that is no column here: see
    -- group_hash. One pass takes the variance: increments are not far from zero.
    SELECT
        name, dataset, model, teacher, objective, tau, kappa, metric,
        count(pi) AS n,              -- seeds that have both runs
        avg(lt) AS lt_mean,
        avg(value) AS value_mean,
        avg(pi) AS pi_mean,
        sqrt(max(sum(pi * pi) - sum(pi) * avg(pi), 0) / (count(pi) - 1))
            AS pi_sd,                -- of the paired differences, over n - 1; NULL for n = 1
        sqrt(max(sum(pi * pi) - sum(pi) * avg(pi), 0) / (count(pi) - 1) / count(pi))
            AS pi_se,                -- pi_sd / sqrt(n)
        avg(pg) AS pg_mean,
        group_hash
    FROM v_pair
    WHERE pi IS NOT NULL
    GROUP BY name, group_hash, metric, kappa;

CREATE VIEW v_kappa_star AS
    -- Where an objective stops to gain: a row for each curve of v_pi over kappa, with the first
    -- kappa at which pg_mean falls through 1, linear in log kappa between the measured ones. Has
    -- window functions only, so that conditions on the columns up to metric narrow v_pi itself.
    SELECT
        name, dataset, model, teacher, objective, tau, metric,
        n,                           -- seeds, where the curve has the fewest
        kappas,                      -- points of the curve
        largest_pg,
        iif(alike, NULL, crossing)
            AS kappa_star,           -- NULL: why tells
        CASE WHEN alike THEN 'configurations that differ in no column here: v_pi has both'
            WHEN crossing IS NOT NULL THEN NULL
            WHEN kappas < 2 THEN 'one kappa is no curve'
            WHEN smallest_pg >= 1 THEN 'gains at every kappa'
            WHEN largest_pg < 1 THEN 'gains at no kappa'
            ELSE 'crosses upwards only' END
            AS why
    FROM (SELECT name, dataset, model, teacher, objective, tau, metric,
            row_number() OVER curve AS place, min(n) OVER curve AS n, count(*) OVER curve AS kappas,
            min(pg) OVER curve AS smallest_pg, max(pg) OVER curve AS largest_pg,
            max(next_kappa IS kappa) OVER curve AS alike,
            min(iif(pg >= 1 AND next_pg < 1,
                exp(ln(kappa) + (pg - 1) / (pg - next_pg) * ln(next_kappa / kappa)), NULL))
                OVER curve AS crossing
        FROM (SELECT name, dataset, model, teacher, objective, tau, metric, n, kappa, pg_mean AS pg,
                lead(kappa) OVER along AS next_kappa, lead(pg_mean) OVER along AS next_pg
            FROM v_pi
            WINDOW along AS (PARTITION BY name, dataset, model, teacher, objective, tau, metric
                ORDER BY kappa))
        WINDOW curve AS (PARTITION BY name, dataset, model, teacher, objective, tau, metric))
    WHERE place = 1;

CREATE VIEW v_group AS
    -- Finished runs over seeds: a row for each study, configuration but for the seed (group_hash),
    -- kappa and metric.
    SELECT
        g.name, g.dataset, g.model, g.teacher, g.objective, g.tau, g.kappa, k.name AS metric,
        g.n,                         -- seeds
        g.mean,
        sqrt((SELECT sum((v.value - g.mean) * (v.value - g.mean))
            FROM run r CROSS JOIN result v ON v.run = r.id
            WHERE r.name IS g.name AND r.group_hash = g.group_hash AND r.status = 'done'
                AND v.key = g.key AND v.split = g.split AND v.kappa = g.kappa) / (g.n - 1))
            AS sd,                   -- over n - 1; NULL for n = 1
        g.group_hash
    FROM (SELECT r.name, r.dataset, r.model, r.teacher, r.objective, r.tau, v.kappa, v.key,
            v.split, count(*) AS n, avg(v.value) AS mean, r.group_hash
        FROM run r CROSS JOIN result v ON v.run = r.id
        WHERE r.status = 'done' AND v.value IS NOT NULL
        GROUP BY r.name, r.group_hash, v.key, v.split, v.kappa) g
        JOIN metric_key k ON k.id = g.key;

CREATE VIEW v_experiment AS
    -- A row for each run of each experiment. To narrow any view to one:
    -- WHERE uid IN (SELECT uid FROM v_experiment WHERE experiment = 'experiments/fig4/small.ini')
    -- Those without a uid, v_pi, v_kappa_star and v_group, are narrowed by name; v_pi and v_group
    -- also by group_hash in the way above, which takes as long as all of them.
    SELECT DISTINCT s.experiment, r.uid, r.kind, r.name, r.status, r.group_hash
    FROM sweep s JOIN sweep_run m ON m.sweep = s.id JOIN run r ON r.id = m.run;

CREATE VIEW v_label AS
    -- What people see of a run: 'student cifar10 cnn kd tau 20 kappa 0.1 seed 11'.
    SELECT r.id AS run, r.uid, CASE r.kind WHEN 'analysis' THEN printf('%s of %d runs', r.name,
            (SELECT count(*) FROM subject WHERE analysis = r.id))
        ELSE coalesce(p.text || ' ', '') || r.dataset || ' ' || r.model || ' ' || r.objective
            || iif(r.tau IS NULL, '', printf(' tau %g', r.tau))
            || iif(p.text = 'teacher' OR r.kappa IS NULL, '', printf(' kappa %g', r.kappa))
            || ' seed ' || r.seed END AS label
    FROM run r LEFT JOIN param p ON p.run = r.id AND p.key = 'run.role';

CREATE VIEW v_progress AS
    -- A row for each run that is begun and not done: how far it is. Of a run whose process is gone
    -- the database hears when kappa opens it for writing; until then its heartbeat tells.
    SELECT
        r.uid, l.label, r.status, r.step, r.steps,
        100.0 * r.step / r.steps AS progress, -- percent
        (r.step - coalesce(a.resume_step, 0)) / (r.heartbeat - a.started)
            AS rate,                          -- steps a second in this attempt
        1.0 * r.samples / r.step * (r.step - coalesce(a.resume_step, 0))
            / (r.heartbeat - a.started)
            AS examples,                      -- a second in this attempt
        (r.steps - r.step) * (r.heartbeat - a.started)
            / nullif(r.step - coalesce(a.resume_step, 0), 0)
            AS seconds_left,                  -- at this rate
        r.attempt, r.host, r.pid,
        (julianday('now') - 2440587.5) * 86400 - r.heartbeat
            AS silence,                       -- seconds since the last sign of life
        coalesce(r.error, (SELECT v.text FROM event v WHERE v.run = r.id AND v.kind = r.status
            ORDER BY v.id DESC LIMIT 1)) AS why, -- failed or lost
        r.boot, r.pid_start, r.heartbeat
    FROM run r JOIN v_label l ON l.run = r.id
        LEFT JOIN attempt a ON a.run = r.id AND a.attempt = r.attempt
    WHERE r.status <> 'done';
