-- title: Fig. 19: probe accuracy gain over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- set: logscale x
-- set: xtics (0.02, 0.05, 0.1, 0.2, 0.4, 1, 2, 4, 10, 20)
-- x: kappa = M / N
-- y: probe accuracy, KD - LT (points)
-- split: test, after the last epoch; nothing was selected
-- needs: test/probe_accuracy
SELECT study || ' ' || dataset AS panel, printf('tau %g', tau) AS series, kappa AS x,
    avg(pi) AS y, sd(pi) AS sd, count(*) AS n
FROM v_study
WHERE objective = 'kd' AND metric = 'test/probe_accuracy'
GROUP BY study, dataset, tau, kappa
ORDER BY study, dataset, tau, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
