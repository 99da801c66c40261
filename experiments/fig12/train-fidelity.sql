-- title: Fig. 12: train fidelity over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- x: kappa = M / N
-- y: agreement on training images (%)
-- split: train, while training; nothing was selected
-- needs: train_running/agreement
-- note: Running over the last epoch, on augmented images.
SELECT s.study AS panel, printf('tau %g', s.tau) AS series, s.kappa AS x, avg(v.value) AS y,
    sd(v.value) AS sd, count(v.value) AS n
FROM student s
    JOIN result v ON v.run = s.id
        AND v.key = (SELECT id FROM metric_key WHERE name = 'train_running/agreement')
WHERE s.status = 'done' AND s.objective = 'kd'
GROUP BY s.study, s.tau, s.kappa
ORDER BY s.study, s.tau, s.kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective = 'kd';
