-- title: Performance increment with one setting changed
-- kind: figure
-- plot: ../base/lines.gp
-- set: logscale x
-- set: xtics (0.02, 0.05, 0.1, 0.2, 0.4, 1, 2, 4, 10, 20)
-- x: kappa = M / N
-- y: performance increment PI (points)
-- split: test, after the last epoch; nothing was selected
SELECT study AS series, kappa AS x, avg(pi) AS y, sd(pi) AS sd, count(*) AS n
FROM v_study
WHERE objective = 'kd' AND tau = 20 AND metric = 'test/accuracy'
GROUP BY study, kappa
ORDER BY study, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
