-- title: Fig. 10: test accuracy over test fidelity
-- kind: figure
-- plot: ../base/points.gp
-- x: top-1 agreement with the teacher on test images (%)
-- y: test accuracy (%)
-- split: test, after the last epoch; nothing was selected
-- needs: test/agreement
-- note: One point for each tau.
WITH cell AS (
    SELECT s.study, s.dataset, s.kappa, s.tau, a.value AS fidelity, b.value AS accuracy
    FROM student s
        JOIN result a ON a.run = s.id
            AND a.key = (SELECT id FROM metric_key WHERE name = 'test/agreement')
        JOIN result b ON b.run = s.id
            AND b.key = (SELECT id FROM metric_key WHERE name = 'test/accuracy')
    WHERE s.status = 'done' AND s.objective = 'kd'
)
SELECT study || ' ' || dataset AS panel, printf('kappa %g', kappa) AS series, tau,
    avg(fidelity) AS x, avg(accuracy) AS y, sd(fidelity) AS x_sd, sd(accuracy) AS y_sd,
    count(*) AS n
FROM cell
GROUP BY study, dataset, kappa, tau
ORDER BY study, dataset, kappa, tau;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective = 'kd';
