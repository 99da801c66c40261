-- title: The teacher's hard labels give a smaller gain than its logits, most at small kappa
-- kind: claim
-- statistics: accuracy of KD - of hard-KD > 0 at each kappa < 1; larger at the smallest kappa than
--   at the largest; one-sided paired t at 95 %
WITH pair AS (
    SELECT a.study, a.dataset, a.model, a.teacher, a.kappa, a.seed, a.value - b.value AS d
    FROM v_study a
        JOIN v_study b ON b.lt_uid = a.lt_uid AND b.metric = a.metric AND b.kappa = a.kappa
            AND b.objective = 'hardkd' AND b.teacher_run = a.teacher_run
    WHERE a.objective = 'kd' AND a.tau = 20 AND a.metric = 'test/accuracy' AND a.kappa < 1
    ORDER BY a.seed
),
part AS (
    SELECT *, 'kd - hardkd' AS what FROM pair
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
WHERE role IS NOT 'teacher' AND kappa < 1
    AND (objective IN ('lt', 'hardkd') OR objective = 'kd' AND tau = 20);
