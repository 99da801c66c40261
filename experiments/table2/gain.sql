-- title: Performance increment over kappa, by objective
-- kind: figure
-- plot: ../base/lines.gp
-- set: arrow 1 from graph 0, first 0 to graph 1, first 0 nohead lc rgb '#999999'
-- x: kappa = M / N
-- y: performance increment PI (points)
-- split: test, after the last epoch; nothing was selected
SELECT study AS panel, objective || iif(tau IS NULL, '', printf(' tau %g', tau)) AS series,
    kappa AS x, avg(pi) AS y, sd(pi) AS sd, count(*) AS n
FROM v_study
WHERE metric = 'test/accuracy'
GROUP BY study, objective, tau, kappa
ORDER BY study, objective, tau, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
