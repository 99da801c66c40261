-- title: A ViT gains more from a convolutional teacher than from a ViT, beyond kappa = 1 too
-- kind: claim
-- from: ../fig9/small.ini
-- statistics: PI with the convolutional teacher - PI with the ViT teacher > 0 at each kappa; PI
--   with the first > 0 at the largest kappa > 1; one-sided paired t at 95 %
WITH pair AS (
    SELECT a.study, a.dataset, a.teacher, a.kappa, a.seed, a.pi - b.pi AS d, a.pi
    FROM v_study a
        JOIN v_study b ON b.lt_uid = a.lt_uid AND b.metric = a.metric AND b.kappa = a.kappa
            AND b.objective = a.objective AND b.tau = a.tau AND b.teacher = 'vit'
    WHERE a.model = 'vit' AND a.teacher <> 'vit' AND a.objective = 'kd' AND a.tau = 20
        AND a.metric = 'test/accuracy'
    ORDER BY a.seed
)
SELECT study || ' ' || teacher || ' - vit teacher' AS part, kappa, count(*) AS n,
    round(avg(d), 3) AS mean, round(sd(d), 3) AS sd, 0 AS bound, group_concat(seed, ' ') AS seeds,
    t_test(count(*), avg(d), sd(d), 0) < 0.05 AS holds
FROM pair
GROUP BY study, dataset, teacher, kappa
UNION ALL
SELECT study || ' ' || teacher || ' teacher, beyond 1', kappa, count(*), round(avg(pi), 3),
    round(sd(pi), 3), 0, group_concat(seed, ' '), t_test(count(*), avg(pi), sd(pi), 0) < 0.05
FROM pair
WHERE kappa > 1 AND kappa = (SELECT max(kappa) FROM pair)
GROUP BY study, dataset, teacher, kappa
UNION ALL -- half of the statement is missing
SELECT 'a kappa above 1', NULL, NULL, NULL, NULL, 0, '', NULL
WHERE EXISTS (SELECT 1 FROM pair) AND NOT EXISTS (SELECT 1 FROM pair WHERE kappa > 1);

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND model = 'vit'
    AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
