-- title: Fig. 10: test accuracy over test fidelity
-- kind: figure
-- plot: ../base/points.gp
-- x: top-1 agreement with the teacher on test images (%)
-- y: test accuracy (%)
-- split: test, after the last epoch; nothing was selected
-- needs: test/agreement
-- note: One point for each tau.
SELECT s.study AS panel, printf('kappa %g', s.kappa) AS series, s.tau, avg(a.value) AS x,
    avg(b.value) AS y, sd(a.value) AS x_sd, sd(b.value) AS y_sd, count(*) AS n
FROM student s
    JOIN result a ON a.run = s.id
        AND a.key = (SELECT id FROM metric_key WHERE name = 'test/agreement')
    JOIN result b ON b.run = s.id
        AND b.key = (SELECT id FROM metric_key WHERE name = 'test/accuracy')
WHERE s.status = 'done' AND s.objective = 'kd'
GROUP BY s.study, s.kappa, s.tau
ORDER BY s.study, s.kappa, s.tau;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective = 'kd';
