-- title: Fig. 13: gap of train and test fidelity, and omega / sqrt(kappa)
-- kind: figure
-- plot: ../base/lines.gp
-- set: logscale x
-- set: xtics (0.02, 0.05, 0.1, 0.2, 0.4, 1, 2, 4, 10, 20)
-- x: kappa = M / N
-- y: train - test agreement (points)
-- split: train while training and test after the last epoch; nothing was selected
-- needs: test/agreement train_running/agreement
-- note: omega by least squares on the mean gaps.
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
    SELECT study, model, teacher, kappa, avg(gap) AS gap, sd(gap) AS sd, count(*) AS n FROM gap
    GROUP BY study, model, teacher, kappa
),
fit AS (
    SELECT study, model, teacher, sum(gap * pow(kappa, -0.5)) / sum(1 / kappa) AS omega FROM mean
    GROUP BY study, model, teacher
)
SELECT study || ': ' || model || ' from ' || teacher AS panel, 'measured' AS series, kappa AS x,
    gap AS y, sd, n
FROM mean
UNION ALL
SELECT study || ': ' || model || ' from ' || teacher, printf('%.2f / sqrt(kappa)', omega), kappa,
    omega * pow(kappa, -0.5), NULL, n
FROM mean
    JOIN fit USING (study, model, teacher)
ORDER BY 1, 2 DESC, 3;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective = 'kd';
