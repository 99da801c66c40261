-- title: Distilled students are more alike than label-trained ones
-- kind: claim
-- from: ../fig5/small.ini
-- statistics: mean CKA of two KD students > that of two LT students, and > that of a KD and an LT
--   student; pairs share students, so means are compared without a t test
-- note: sd: over the pairs of students.
WITH entry AS (
    SELECT a.study, a.dataset, a.model, v.kappa, a.seed AS seed, v.value,
        CASE a.objective || ' ' || b.objective WHEN 'kd kd' THEN 'kd' WHEN 'lt lt' THEN 'lt'
            ELSE 'mixed' END AS kind
    FROM pairwise v
        JOIN metric_key k ON k.id = v.key
        JOIN student a ON a.id = v.run_a
        JOIN student b ON b.id = v.run_b
    WHERE k.name IN ('test/cka', 'test/cka_cross') AND a.seed <> b.seed AND a.kappa = b.kappa
        AND a.study = b.study AND a.dataset = b.dataset AND a.model = b.model
        AND a.objective IN ('lt', 'kd') AND b.objective IN ('lt', 'kd')
        AND coalesce(a.tau, 20) = 20 AND coalesce(b.tau, 20) = 20
),
mean AS (
    SELECT study, dataset, model, kappa, kind, avg(value) AS mean, sd(value) AS sd,
        count(DISTINCT seed) AS n
    FROM entry
    GROUP BY study, dataset, model, kappa, kind
),
seeds AS (
    SELECT study, dataset, model, kappa, group_concat(seed, ' ') AS seeds
    FROM (SELECT DISTINCT study, dataset, model, kappa, seed FROM entry ORDER BY seed)
    GROUP BY study, dataset, model, kappa
)
SELECT a.study || ' ' || a.model || ' kd-kd over '
        || iif(b.kind = 'lt', 'lt-lt', 'kd-lt') AS part,
    a.kappa, a.n, round(a.mean, 4) AS mean, round(a.sd, 4) AS sd, round(b.mean, 4) AS bound,
    seeds, a.mean > b.mean AS holds
FROM mean a
    JOIN mean b USING (study, dataset, model, kappa)
    JOIN seeds USING (study, dataset, model, kappa)
WHERE a.kind = 'kd' AND b.kind <> 'kd'
ORDER BY part, a.kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND kappa < 1 AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
