-- title: Test accuracy over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- set: logscale x
-- set: xtics (0.02, 0.05, 0.1, 0.2, 0.4, 1, 2, 4, 10, 20)
-- x: kappa = M / N
-- y: test accuracy (%)
-- split: test, after the last epoch; nothing was selected
WITH curve AS (
    SELECT study, dataset, objective, tau, kappa, seed, value AS value FROM v_study
    WHERE metric = 'test/accuracy'
    UNION -- an lt run is there once for each partner
    SELECT study, dataset, 'lt', NULL, kappa, seed, lt FROM v_study
    WHERE metric = 'test/accuracy'
)
SELECT study || ' ' || dataset AS panel,
    objective || iif(tau IS NULL, '', printf(' tau %g', tau)) AS series,
    kappa AS x, avg(value) AS y, sd(value) AS sd, count(*) AS n
FROM curve
GROUP BY study, dataset, objective, tau, kappa
ORDER BY study, dataset, objective <> 'lt', objective, tau, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
