-- title: Test accuracy over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- set: logscale x
-- x: kappa = M / N
-- y: test accuracy (%)
-- split: test, after the last epoch; nothing was selected
WITH curve AS (
    SELECT objective, tau, kappa, seed, value FROM v_pair WHERE metric = 'test/accuracy'
    UNION -- the lt run of a pair is there once for each partner
    SELECT 'lt', NULL, kappa, seed, lt FROM v_pair WHERE metric = 'test/accuracy'
)
SELECT objective || iif(tau IS NULL, '', printf(' tau %g', tau)) AS series, kappa AS x,
    avg(value) AS y, sd(value) AS sd, count(*) AS n
FROM curve
GROUP BY objective, tau, kappa
ORDER BY objective <> 'lt', objective, tau, kappa;
