-- fidelity-gap.sql - train (running, last epoch) minus test agreement of students at tau 20, and
-- what is fitted to its means over seeds: gap = omega / sqrt(kappa), and the slope of log gap
-- on log kappa.
gap AS (
    SELECT s.study, s.dataset, s.model, s.teacher, s.kappa, s.seed, a.value - b.value AS gap
    FROM student s
        JOIN result a ON a.run = s.id
            AND a.key = (SELECT id FROM metric_key WHERE name = 'train_running/agreement')
        JOIN result b ON b.run = s.id
            AND b.key = (SELECT id FROM metric_key WHERE name = 'test/agreement')
    WHERE s.status = 'done' AND s.objective = 'kd' AND s.tau = 20
    ORDER BY s.seed
),
mean_gap AS (
    SELECT study, model, teacher, kappa, avg(gap) AS gap, sd(gap) AS sd, count(*) AS n FROM gap
    GROUP BY study, model, teacher, kappa
),
fit AS (
    SELECT study, model, teacher, avg(gap) AS centre, min(n) AS n, count(*) AS kappas,
        slope(ln(kappa), ln(iif(gap > 0, gap, NULL))) AS slope,
        sum(gap * pow(kappa, -0.5)) / sum(1 / kappa) AS omega
    FROM mean_gap
    GROUP BY study, model, teacher
)
