-- title: Fig. 11: train and test fidelity over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- x: kappa = M / N
-- y: top-1 agreement with the teacher (%)
-- split: train while training and test after the last epoch; nothing was selected
-- needs: test/agreement
-- note: train: running over the last epoch, on augmented images.
SELECT s.study AS panel, iif(k.name LIKE 'test%', 'test', 'train') AS series, s.kappa AS x,
    avg(v.value) AS y, sd(v.value) AS sd, count(*) AS n
FROM student s
    JOIN result v ON v.run = s.id
    JOIN metric_key k ON k.id = v.key
WHERE s.status = 'done' AND s.objective = 'kd' AND s.tau = 20
    AND k.name IN ('train_running/agreement', 'test/agreement')
GROUP BY s.study, k.name, s.kappa
ORDER BY s.study, k.name DESC, s.kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective = 'kd';
