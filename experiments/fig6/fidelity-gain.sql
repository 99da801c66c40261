-- title: Fig. 6: accuracy gain over gain of test fidelity
-- kind: figure
-- plot: ../base/points.gp
-- x: gain of top-1 agreement with the teacher, KD - LT (points)
-- y: performance increment PI (points)
-- split: test, after the last epoch; nothing was selected
-- needs: test/agreement
-- note: One point for each tau.
SELECT a.study AS panel, printf('kappa %g', a.kappa) AS series, a.tau, avg(b.value - b.lt) AS x,
    avg(a.pi) AS y, sd(b.value - b.lt) AS x_sd, sd(a.pi) AS y_sd, count(*) AS n
FROM v_study a
    JOIN v_study b ON b.run = a.run AND b.kappa = a.kappa AND b.metric = 'test/agreement'
WHERE a.self AND a.objective = 'kd' AND a.metric = 'test/accuracy'
GROUP BY a.study, a.kappa, a.tau
ORDER BY a.study, a.kappa, a.tau;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
