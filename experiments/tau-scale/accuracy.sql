-- title: Test accuracy by the factor before the divergence
-- kind: figure
-- plot: ../base/lines.gp
-- set: logscale x
-- set: xtics (0.02, 0.05, 0.1, 0.2, 0.4, 1, 2, 4, 10, 20)
-- x: kappa = M / N
-- y: test accuracy (%)
-- split: test, after the last epoch; nothing was selected
WITH pair AS (
    SELECT p.*,
        (SELECT text FROM param WHERE run = p.run AND key = 'objective.kd.tau_scale') AS scale
    FROM v_study p
    WHERE p.metric = 'test/accuracy'
),
curve AS (
    SELECT objective || iif(tau IS NULL, '', printf(' tau %g', tau)) || coalesce(' ' || scale, '')
            AS what,
        kappa, seed, value
    FROM pair
    UNION -- an lt run is there once for each partner
    SELECT 'lt', kappa, seed, lt FROM pair
)

SELECT what AS series, kappa AS x, avg(value) AS y, sd(value) AS sd, count(*) AS n
FROM curve
GROUP BY what, kappa
ORDER BY what <> 'lt', what, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
