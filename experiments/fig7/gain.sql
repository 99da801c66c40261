-- title: Fig. 7: performance gain over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- set: logscale x
-- set: xtics (0.02, 0.05, 0.1, 0.2, 0.4, 1, 2, 4, 10, 20)
-- set: arrow 1 from graph 0, first 1 to graph 1, first 1 nohead dashtype 2
-- x: kappa = M / N
-- y: performance gain PG = R(KD) / R(LT)
-- split: test, after the last epoch; nothing was selected
SELECT dataset AS panel, study || ': ' || model || ' from ' || teacher AS series, kappa AS x,
    avg(pg) AS y, sd(pg) AS sd, count(*) AS n
FROM v_study
WHERE objective = 'kd' AND tau = 20 AND metric = 'test/accuracy'
GROUP BY dataset, study, model, teacher, kappa
ORDER BY dataset, study, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
