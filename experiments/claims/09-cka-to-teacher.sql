-- title: Distilled features are closer to the teacher's, most at small kappa
-- kind: claim
-- statistics: CKA(KD, teacher) - CKA(LT, teacher) > 0 at each kappa; larger at the smallest kappa
--   than at the largest; one-sided paired t at 95 %
-- needs: test/cka
WITH pair AS (
    SELECT study, dataset, model, teacher, kappa, seed, value - lt AS d FROM v_study
    WHERE objective = 'kd' AND tau = 20 AND metric = 'test/cka'
    ORDER BY seed
),
part AS (
    SELECT *, 'gap' AS what FROM pair
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
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
