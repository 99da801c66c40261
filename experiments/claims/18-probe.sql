-- title: A linear probe on all data keeps the gain of distilled features, most at small kappa
-- kind: claim
-- statistics: probe accuracy of KD - of LT > 0 at each kappa < 1; larger at the smallest kappa
--   than at the largest; one-sided paired t at 95 %
-- needs: test/probe_accuracy
WITH pair AS (
    SELECT study, dataset, model, teacher, kappa, seed, pi AS d FROM v_study
    WHERE objective = 'kd' AND tau = 20 AND metric = 'test/probe_accuracy' AND kappa < 1
    ORDER BY seed
),
part AS (
    SELECT *, 'probe gain' AS what FROM pair
    UNION ALL
    SELECT a.study, a.dataset, a.model, a.teacher, a.kappa, a.seed, a.d - b.d,
        'at the smallest kappa - at the largest'
    FROM pair a
        JOIN pair b USING (study, dataset, model, teacher, seed)
    WHERE a.kappa < b.kappa
        AND a.kappa = (SELECT min(kappa) FROM pair c WHERE (c.study, c.model, c.teacher)
            = (a.study, a.model, a.teacher))
        AND b.kappa = (SELECT max(kappa) FROM pair c WHERE (c.study, c.model, c.teacher)
            = (a.study, a.model, a.teacher))
)
SELECT study || ' ' || dataset || ' ' || model || ' ' || what AS part, kappa, count(*) AS n,
    round(avg(d), 4) AS mean, round(sd(d), 4) AS sd, 0 AS bound,
    round(t_test(count(*), avg(d), sd(d), 0), 4) AS p, group_concat(seed, ' ') AS seeds,
    t_test(count(*), avg(d), sd(d), 0) < 0.05 AS holds
FROM part
GROUP BY study, dataset, model, teacher, what, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND kappa < 1 AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
