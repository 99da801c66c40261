-- title: At small kappa variance dominates; distillation lowers it and raises the bias
-- kind: claim
-- from: ../table2/small.ini
-- statistics: at each kappa < 1: variance of KD < of LT; squared bias of KD > of LT; at the
--   smallest kappa variance of LT > its squared bias; one number for all seeds, so no t
--   test
WITH whole AS ( -- over the seeds of a group: a result of the analysis, not of its runs
    SELECT r.study, r.dataset, r.model, r.objective, r.kappa, count(DISTINCT r.seed) AS n,
        group_concat(r.seed, ' ') AS seeds, k.name AS metric, v.value
    FROM (SELECT * FROM student ORDER BY seed) r
        JOIN subject s ON s.run = r.id
        JOIN result v ON v.run = s.analysis
        JOIN metric_key k ON k.id = v.key AND k.name IN ('test/variance', 'test/bias2')
    WHERE r.objective IN ('lt', 'kd') AND coalesce(r.tau, 20) = 20 AND r.kappa < 1
    GROUP BY r.study, r.dataset, r.model, r.objective, r.kappa, v.run, k.name
),
part AS (
    SELECT a.*, 'LT - KD variance' AS what, a.value - b.value AS d
    FROM whole a
        JOIN whole b USING (study, dataset, model, kappa, metric)
    WHERE metric = 'test/variance' AND a.objective = 'lt' AND b.objective = 'kd'
    UNION ALL
    SELECT a.*, 'KD - LT squared bias', b.value - a.value
    FROM whole a
        JOIN whole b USING (study, dataset, model, kappa, metric)
    WHERE metric = 'test/bias2' AND a.objective = 'lt' AND b.objective = 'kd'
    UNION ALL
    SELECT a.*, 'LT variance - squared bias', a.value - b.value
    FROM whole a
        JOIN whole b USING (study, dataset, model, objective, kappa)
    WHERE a.metric = 'test/variance' AND b.metric = 'test/bias2' AND objective = 'lt'
        AND kappa = (SELECT min(kappa) FROM whole c WHERE c.study = a.study)
)
SELECT study || ' ' || model || ' ' || what AS part, kappa, n, round(d, 5) AS mean, NULL AS sd,
    0 AS bound, seeds, d > 0 AS holds
FROM (SELECT * FROM part ORDER BY study, dataset, model, what, kappa)
UNION ALL -- most of the statement is missing
SELECT 'LT beside KD', NULL, NULL, NULL, NULL, 0, '', NULL
WHERE EXISTS (SELECT 1 FROM part) AND NOT EXISTS (SELECT 1 FROM part WHERE what LIKE '%KD%');

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND kappa < 1 AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
