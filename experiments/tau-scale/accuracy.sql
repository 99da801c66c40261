-- title: Test accuracy by the factor before the divergence
-- kind: figure
-- plot: ../base/lines.gp
-- with: scales.sql
-- x: kappa = M / N
-- y: test accuracy (%)
-- split: test, after the last epoch; nothing was selected
-- note: At tau 1 the three factors are the same objective; tau^2 stands for them.
SELECT what AS series, kappa AS x, avg(value) AS y, sd(value) AS sd, count(*) AS n
FROM curve
WHERE what NOT IN ('kd tau 1 none', 'kd tau 1 tau')
GROUP BY what, kappa
ORDER BY what <> 'lt', what, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
