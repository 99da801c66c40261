-- title: Features are more alike than tangent kernels, with the same trend over kappa
-- kind: claim
-- from: ../fig16/small.ini
-- with: ../base/headline.sql ../base/pairs.sql
-- statistics: CKA of features - CKA of NTKs > 0, one-sided paired t at 95 %; their means over
--   kappa correlate (Pearson's r > 0)
-- needs: test/cka test/ntk_cka
WITH both AS (
    SELECT s.study, s.dataset, s.model, s.objective, s.kappa, s.seed, a.value AS features,
        b.value AS ntk
    FROM student s
        JOIN result a ON a.run = s.id
            AND a.key = (SELECT id FROM metric_key WHERE name = 'test/cka')
        JOIN result b ON b.run = s.id
            AND b.key = (SELECT id FROM metric_key WHERE name = 'test/ntk_cka')
    WHERE s.status = 'done' AND s.objective IN ('lt', 'kd') AND coalesce(s.tau, 20) = 20
        AND s.study IN (SELECT study FROM claimed)
    ORDER BY s.seed
),
mean AS (
    SELECT study, dataset, model, objective, kappa, avg(features) AS features, avg(ntk) AS ntk,
        count(*) AS n, group_concat(seed, ' ') AS seeds
    FROM both
    GROUP BY study, dataset, model, objective, kappa
)
SELECT study || ' ' || model || ' ' || objective || ' features - ntk' AS part,
    kappa, count(*) AS n, round(avg(features - ntk), 4) AS mean,
    round(sd(features - ntk), 4) AS sd, 0 AS bound, group_concat(seed, ' ') AS seeds,
    t_test(count(*), avg(features - ntk), sd(features - ntk), 0) < 0.05 AS holds
FROM both
GROUP BY study, dataset, model, objective, kappa
UNION ALL
SELECT study || ' ' || model || ' ' || objective || ' correlation', NULL,
    min(n), round(corr(features, ntk), 3), NULL, 0, min(seeds),
    corr(features, ntk) > 0
FROM mean
GROUP BY study, dataset, model, objective
HAVING count(*) >= 3;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
