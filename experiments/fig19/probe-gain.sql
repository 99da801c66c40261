-- title: Fig. 19: gain of a linear probe over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- set: arrow 1 from graph 0, first 0 to graph 1, first 0 nohead lc rgb '#999999'
-- x: kappa = M / N
-- y: probe accuracy, KD - LT (points)
-- split: test, after the last epoch; nothing was selected
-- needs: test/probe_accuracy
SELECT study AS panel, printf('tau %g', tau) AS series, kappa AS x, avg(pi) AS y, sd(pi) AS sd,
    count(*) AS n
FROM v_study
WHERE objective = 'kd' AND metric = 'test/probe_accuracy'
GROUP BY study, tau, kappa
ORDER BY study, tau, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
