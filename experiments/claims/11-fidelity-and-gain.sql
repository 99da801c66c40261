-- title: Fidelity gain and accuracy gain go together; fidelity stays below 100 %
-- kind: claim
-- from: ../fig6/small.ini
-- with: ../base/headline.sql ../base/pairs.sql
-- statistics: Pearson's r over kappa and tau, seed by seed: mean > 0.7; largest test agreement <
--   100 %
-- needs: test/agreement
WITH both AS (
    SELECT a.study, a.dataset, a.model, a.seed, a.pi AS gain, b.value - b.lt AS fidelity, b.value
    FROM pair a
        JOIN pair b ON b.run = a.run AND b.kappa = a.kappa
    WHERE a.self AND a.objective = 'kd' AND a.metric = 'test/accuracy'
        AND b.metric = 'test/agreement'
),
seed AS (
    SELECT study, dataset, model, seed, corr(gain, fidelity) AS r, max(value) AS most,
        count(*) AS points
    FROM both
    GROUP BY study, dataset, model, seed
    HAVING points >= 3
    ORDER BY seed
)
SELECT study || ' ' || model || ' correlation' AS part, sum(points) AS points,
    count(r) AS n, round(avg(r), 3) AS mean, round(sd(r), 3) AS sd, 0.7 AS bound,
    group_concat(seed, ' ') AS seeds, avg(r) > 0.7 AS holds
FROM seed
GROUP BY study, dataset, model
UNION ALL
SELECT study || ' ' || model || ' largest agreement', sum(points), count(most),
    round(avg(most), 3), round(sd(most), 3), 100, group_concat(seed, ' '), max(most) < 100
FROM seed
GROUP BY study, dataset, model;

-- expect:
SELECT * FROM planned WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
