-- title: Fig. 2: test error over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- set: logscale x
-- set: xtics (0.02, 0.05, 0.1, 0.2, 0.4, 1, 2, 4, 10, 20)
-- x: kappa = M / N
-- y: test error (%)
-- split: test, after the last epoch; nothing was selected
-- note: The teacher is one run (seed 11), drawn as a level line.
WITH pair AS (
    SELECT s.*, (SELECT 100 - v.value FROM result v WHERE v.run = s.teacher_run
            AND v.key = (SELECT id FROM metric_key WHERE name = s.metric)) AS teacher_error
    FROM v_study s
    WHERE objective = 'kd' AND metric = 'test/accuracy'
),
curve AS (
    SELECT study, dataset, 'kd' AS what, tau, kappa, seed, 100 - value AS error FROM pair
    UNION -- an lt run is there once for each partner
    SELECT study, dataset, 'lt', NULL, kappa, seed, 100 - lt FROM pair
    UNION
    SELECT study, dataset, 'teacher', NULL, kappa, 0, teacher_error FROM pair
)
SELECT study || ' ' || dataset AS panel,
    what || iif(tau IS NULL, '', printf(' tau %g', tau)) AS series,
    kappa AS x, avg(error) AS y, sd(error) AS sd, count(*) AS n
FROM curve
GROUP BY study, dataset, what, tau, kappa
ORDER BY study, dataset, what = 'teacher', what <> 'lt', tau, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
