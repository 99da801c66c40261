-- title: Fig. 6: gain of test fidelity over gain of accuracy
-- kind: figure
-- plot: ../base/points.gp
-- x: performance increment PI (points)
-- y: gain of test fidelity (points)
-- split: test, after the last epoch; nothing was selected
-- needs: test/agreement
-- note: One point for each tau.
SELECT a.study || ' ' || a.dataset AS panel, printf('kappa %g', a.kappa) AS series, a.tau,
    avg(a.pi) AS x, avg(b.value - b.lt) AS y, sd(a.pi) AS x_sd, sd(b.value - b.lt) AS y_sd,
    count(*) AS n
FROM v_study a
    JOIN v_study b ON b.run = a.run AND b.kappa = a.kappa AND b.metric = 'test/agreement'
WHERE a.self AND a.objective = 'kd' AND a.metric = 'test/accuracy'
GROUP BY a.study, a.dataset, a.kappa, a.tau
ORDER BY a.study, a.dataset, a.kappa, a.tau;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
