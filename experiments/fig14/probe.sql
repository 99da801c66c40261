-- title: Fig. 14: accuracy of the nets and of linear probes on their features
-- kind: figure
-- plot: ../base/lines.gp
-- set: logscale x
-- set: xtics (0.02, 0.05, 0.1, 0.2, 0.4, 1, 2, 4, 10, 20)
-- x: kappa = M / N
-- y: test accuracy (%)
-- split: test, after the last epoch; nothing was selected
-- needs: test/probe_accuracy
-- note: The probe is trained on all training images with true labels.
WITH curve AS (
    SELECT study, dataset, objective, metric, kappa, seed, value FROM v_study
    WHERE objective = 'kd' AND tau = 20 AND metric IN ('test/accuracy', 'test/probe_accuracy')
    UNION -- an lt run is there once for each partner
    SELECT study, dataset, 'lt', metric, kappa, seed, lt FROM v_study
    WHERE objective = 'kd' AND tau = 20 AND metric IN ('test/accuracy', 'test/probe_accuracy')
)
SELECT study || ' ' || dataset AS panel,
    objective || iif(metric = 'test/accuracy', ', net', ', probe') AS series,
    kappa AS x, avg(value) AS y, sd(value) AS sd, count(*) AS n
FROM curve
GROUP BY study, dataset, objective, metric, kappa
ORDER BY study, dataset, metric, objective DESC, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
