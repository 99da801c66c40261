-- title: Fig. 14: accuracy of the nets and of linear probes on their features
-- kind: figure
-- plot: ../base/lines.gp
-- with: ../base/curves.sql
-- x: kappa = M / N
-- y: test accuracy (%)
-- split: test, after the last epoch; nothing was selected
-- needs: test/probe_accuracy
-- note: The probe is trained on all training images with true labels.
SELECT study AS panel, what || iif(metric = 'test/accuracy', ', net', ', probe') AS series,
    kappa AS x, avg(value) AS y, sd(value) AS sd, count(*) AS n
FROM curve
WHERE metric IN ('test/accuracy', 'test/probe_accuracy')
    AND (objective = 'lt' OR objective = 'kd' AND tau = 20)
GROUP BY study, what, metric, kappa
ORDER BY study, metric, objective DESC, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
