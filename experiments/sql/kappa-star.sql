-- title: kappa*, where an objective stops to gain: first downward crossing of PG = 1, in log kappa
WITH step AS (
    SELECT name, dataset, model, teacher, objective, tau, n, kappa, pg_mean AS pg,
        lead(kappa) OVER curve AS next_kappa, lead(pg_mean) OVER curve AS next_pg
    FROM v_pi
    WHERE metric = 'test/accuracy'
    WINDOW curve AS (PARTITION BY name, dataset, model, teacher, objective, tau ORDER BY kappa)
)
SELECT name AS study, dataset, model, teacher, objective, tau, min(n) AS n, count(*) AS kappas,
    round(min(iif(pg >= 1 AND next_pg < 1,
        exp(ln(kappa) + (pg - 1) / (pg - next_pg) * ln(next_kappa / kappa)), NULL)), 3)
        AS kappa_star,
    CASE WHEN count(iif(pg >= 1 AND next_pg < 1, 1, NULL)) > 0 THEN ''
        WHEN count(*) < 2 THEN 'one kappa is no curve'
        WHEN min(pg) >= 1 THEN 'gains at every kappa'
        WHEN max(pg) < 1 THEN 'gains at no kappa'
        ELSE 'crosses upwards only' END AS why_not
FROM step
GROUP BY name, dataset, model, teacher, objective, tau
ORDER BY study, dataset, model, teacher, objective, tau;
