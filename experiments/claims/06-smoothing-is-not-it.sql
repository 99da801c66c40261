-- title: Label smoothing does not explain the gain
-- kind: claim
-- from: ../table2/small.ini
-- with: ../base/headline.sql ../base/pairs.sql
-- statistics: |mean PI of ls| < 1 at all kappa; largest mean PI of kd > 3, in points
WITH cell AS (
    SELECT study, dataset, model, teacher, objective, kappa, count(*) AS n, avg(pi) AS mean,
        sd(pi) AS sd, group_concat(seed, ' ') AS seeds
    FROM pair
    WHERE objective IN ('ls', 'kd') AND tau = 20 AND metric = 'test/accuracy'
    GROUP BY study, dataset, model, teacher, objective, kappa
),
both AS ( -- studies that have both
    SELECT * FROM cell
    WHERE (study, dataset, model) IN (SELECT study, dataset, model FROM cell
        WHERE objective = 'ls')
),
smoothing AS (
    SELECT study, dataset, model, 'ls' AS what, kappa, n, mean, sd, '-1 to 1' AS bound, seeds,
        abs(mean) < 1 AS holds
    FROM both
    WHERE objective = 'ls'
),
best AS (
    SELECT study, dataset, model, 'largest kd' AS what, kappa, n, max(mean) AS mean, sd,
        'above 3' AS bound, seeds, max(mean) > 3 AS holds
    FROM both
    WHERE objective = 'kd'
    GROUP BY study, dataset, model
)
SELECT study || ' ' || model || ' ' || what AS part, kappa, n,
    round(mean, 3) AS mean, round(sd, 3) AS sd, bound, seeds, holds
FROM (SELECT * FROM smoothing UNION ALL SELECT * FROM best)
ORDER BY study, dataset, model, what DESC, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective IN ('ls', 'kd') AND tau = 20);
