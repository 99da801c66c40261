-- title: Test accuracy by the factor before the divergence
-- kind: table
-- split: test, after the last epoch; nothing was selected
-- note: kd: at tau 1 the three factors are the same objective.
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

SELECT what AS objective, kappa, count(*) AS n, round(avg(value), 2) AS accuracy,
    round(sd(value), 2) AS sd
FROM curve
GROUP BY what, kappa
ORDER BY what, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
