-- title: Fig. 11: train and test fidelity over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- set: logscale x
-- set: xtics (0.02, 0.05, 0.1, 0.2, 0.4, 1, 2, 4, 10, 20)
-- x: kappa = M / N
-- y: top-1 agreement with the teacher (%)
-- split: train while training and test after the last epoch; nothing was selected
-- needs: test/agreement
-- note: train: running over the last epoch, on augmented images.
WITH curve AS (
    SELECT s.study, s.dataset, s.model, s.teacher, s.kappa, s.seed, k.name AS metric, v.value
    FROM student s
        JOIN result v ON v.run = s.id
        JOIN metric_key k ON k.id = v.key
    WHERE s.status = 'done' AND s.objective = 'kd' AND s.tau = 20
        AND k.name IN ('train_running/agreement', 'test/agreement')
)
SELECT study || ': ' || model || ' from ' || teacher AS panel,
    iif(metric LIKE 'test%', 'test', 'train, last epoch') AS series, kappa AS x, avg(value) AS y,
    sd(value) AS sd, count(*) AS n
FROM curve
GROUP BY study, dataset, model, teacher, metric, kappa
ORDER BY study, metric DESC, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective = 'kd';
