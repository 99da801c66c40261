-- title: A higher temperature lowers train fidelity and raises test accuracy
-- kind: claim
-- from: ../fig12/small.ini
-- with: ../base/headline.sql ../base/pairs.sql
-- statistics: Spearman's correlation with tau, seed by seed, averaged over kappa < 1: < 0 and > 0,
--   one-sided t at 95 %
-- needs: train_running/agreement
-- note: At least three temperatures; train fidelity is the running one of the last epoch.
WITH cell AS (
    SELECT s.study, s.dataset, s.model, s.kappa, s.seed, s.tau, a.value AS accuracy,
        b.value AS fidelity
    FROM student s
        JOIN result a ON a.run = s.id
            AND a.key = (SELECT id FROM metric_key WHERE name = 'test/accuracy')
        JOIN result b ON b.run = s.id
            AND b.key = (SELECT id FROM metric_key WHERE name = 'train_running/agreement')
    WHERE s.status = 'done' AND s.objective = 'kd' AND s.kappa < 1
        AND s.study IN (SELECT study FROM claimed)
),
ranked AS (
    SELECT study, dataset, model, kappa, seed,
        rank() OVER (PARTITION BY study, dataset, model, kappa, seed ORDER BY tau) AS t,
        rank() OVER (PARTITION BY study, dataset, model, kappa, seed ORDER BY accuracy) AS a,
        rank() OVER (PARTITION BY study, dataset, model, kappa, seed ORDER BY fidelity) AS f
    FROM cell
),
rho AS (
    SELECT study, dataset, model, kappa, seed, corr(t, a) AS accuracy, -corr(t, f) AS fidelity
    FROM ranked
    GROUP BY study, dataset, model, kappa, seed
    HAVING count(*) >= 3
),
seed AS (
    SELECT study, dataset, model, seed, avg(accuracy) AS accuracy, avg(fidelity) AS fidelity
    FROM rho
    GROUP BY study, dataset, model, seed
    ORDER BY seed
)
SELECT study || ' ' || model || ' test accuracy' AS part, count(*) AS n,
    round(avg(accuracy), 3) AS mean, round(sd(accuracy), 3) AS sd, 0 AS bound,
    group_concat(seed, ' ') AS seeds, t_test(count(*), avg(accuracy), sd(accuracy), 0) < 0.05
        AS holds
FROM seed
GROUP BY study, dataset, model
UNION ALL
SELECT study || ' ' || model || ' train fidelity, turned', count(*),
    round(avg(fidelity), 3), round(sd(fidelity), 3), 0, group_concat(seed, ' '),
    t_test(count(*), avg(fidelity), sd(fidelity), 0) < 0.05
FROM seed
GROUP BY study, dataset, model;

-- expect:
SELECT * FROM planned WHERE role IS NOT 'teacher' AND objective = 'kd' AND kappa < 1;
