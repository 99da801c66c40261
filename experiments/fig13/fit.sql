-- title: Fit of the gap of train and test fidelity
-- kind: table
-- split: train while training and test after the last epoch; nothing was selected
-- needs: test/agreement train_running/agreement
-- note: r2 of gap = omega / sqrt(kappa); free_slope: of log gap on log kappa, expected -0.5.
WITH gap AS (
    SELECT s.study, s.model, s.teacher, s.kappa, s.seed, a.value - b.value AS gap
    FROM student s
        JOIN result a ON a.run = s.id
            AND a.key = (SELECT id FROM metric_key WHERE name = 'train_running/agreement')
        JOIN result b ON b.run = s.id
            AND b.key = (SELECT id FROM metric_key WHERE name = 'test/agreement')
    WHERE s.status = 'done' AND s.objective = 'kd' AND s.tau = 20
),
mean AS (
    SELECT study, model, teacher, kappa, avg(gap) AS gap, count(*) AS n FROM gap
    GROUP BY study, model, teacher, kappa
),
fit AS (
    SELECT study, model, teacher, avg(gap) AS centre, min(n) AS n, count(*) AS kappas,
        slope(ln(kappa), ln(iif(gap > 0, gap, NULL))) AS slope,
        sum(gap * pow(kappa, -0.5)) / sum(1 / kappa) AS omega
    FROM mean
    GROUP BY study, model, teacher
)
SELECT f.study, f.model, f.teacher, f.kappas, f.n, round(f.omega, 3) AS omega,
    round(1 - sum(pow(m.gap - f.omega * pow(m.kappa, -0.5), 2)) / sum(pow(m.gap - f.centre, 2)), 3)
        AS r2, round(f.slope, 3) AS free_slope
FROM fit f
    JOIN mean m USING (study, model, teacher)
GROUP BY f.study, f.model, f.teacher;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective = 'kd';
