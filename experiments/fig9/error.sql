-- title: Fig. 9: test error of a ViT over kappa
-- kind: figure
-- plot: ../base/lines.gp
-- x: kappa = M / N
-- y: test error (%)
-- split: test, after the last epoch; nothing was selected
WITH curve AS (
    SELECT study, 'kd from ' || teacher AS what, kappa, seed, 100 - value AS error FROM v_study
    WHERE model = 'vit' AND objective = 'kd' AND tau = 20 AND metric = 'test/accuracy'
    UNION -- an lt run is there once for each teacher
    SELECT study, 'lt', kappa, seed, 100 - lt FROM v_study
    WHERE model = 'vit' AND objective = 'kd' AND tau = 20 AND metric = 'test/accuracy'
)
SELECT study AS panel, what AS series, kappa AS x, avg(error) AS y, sd(error) AS sd, count(*) AS n
FROM curve
GROUP BY study, what, kappa
ORDER BY study, what <> 'lt', what, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
