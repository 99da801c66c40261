-- title: Fig. 18: accuracy gain over CKA to the teacher
-- kind: figure
-- plot: ../base/sizes.gp
-- x: CKA to the teacher
-- y: performance increment PI (points)
-- split: test, after the last epoch; nothing was selected
-- needs: test/cka
-- note: The size of a point grows with tau.
SELECT a.study AS panel, printf('kappa %g', a.kappa) AS series, a.tau, avg(b.value) AS x,
    avg(a.pi) AS y, sd(b.value) AS x_sd, sd(a.pi) AS y_sd, count(*) AS n
FROM v_study a
    JOIN v_study b ON b.run = a.run AND b.kappa = a.kappa AND b.metric = 'test/cka'
WHERE a.self AND a.objective = 'kd' AND a.metric = 'test/accuracy'
GROUP BY a.study, a.kappa, a.tau
ORDER BY a.study, a.kappa, a.tau;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
