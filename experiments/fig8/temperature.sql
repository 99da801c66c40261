-- title: Fig. 8, left: accuracy gain over the temperature
-- kind: figure
-- plot: ../base/lines.gp
-- set: logscale x
-- set: xtics (0.1, 1, 3, 5, 10, 20, 100, "l2" 1000)
-- set: arrow 1 from graph 0, first 0 to graph 1, first 0 nohead lc rgb '#999999'
-- x: temperature tau
-- y: performance increment PI (points)
-- split: test, after the last epoch; nothing was selected
-- note: l2, the limit of a high temperature, stands at the right.
SELECT study AS panel, printf('kappa %g', kappa) AS series, iif(objective = 'l2', 1000.0, tau) AS x,
    avg(pi) AS y, sd(pi) AS sd, count(*) AS n
FROM v_study
WHERE self AND metric = 'test/accuracy' AND objective IN ('kd', 'l2')
GROUP BY study, kappa, objective, tau
ORDER BY study, kappa, x;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd', 'l2');
