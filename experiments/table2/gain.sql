-- title: Performance increment over kappa, by objective
-- kind: figure
-- plot: ../base/lines.gp
-- set: logscale x
-- set: xtics (0.02, 0.05, 0.1, 0.2, 0.4, 1, 2, 4, 10, 20)
-- set: arrow 1 from graph 0, first 0 to graph 1, first 0 nohead dashtype 2
-- x: kappa = M / N
-- y: performance increment PI (points)
-- split: test, after the last epoch; nothing was selected
SELECT study || ' ' || dataset AS panel,
    objective || iif(tau IS NULL, '', printf(' tau %g', tau)) AS series,
    kappa AS x, avg(pi) AS y, sd(pi) AS sd, count(*) AS n
FROM v_study
WHERE metric = 'test/accuracy'
GROUP BY study, dataset, objective, tau, kappa
ORDER BY study, dataset, objective, tau, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
