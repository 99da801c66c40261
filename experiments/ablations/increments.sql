-- title: Performance increment with one setting changed
-- kind: figure
-- plot: ../base/lines.gp
-- set: arrow 1 from graph 0, first 0 to graph 1, first 0 nohead lc rgb '#999999'
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
