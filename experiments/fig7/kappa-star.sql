-- title: kappa*: where label training meets distillation
-- kind: table
-- split: test, after the last epoch; nothing was selected
-- note: First downward crossing of the mean gain through 1, linear in log kappa.
WITH mean AS (
    SELECT study, dataset, model, teacher, tau, kappa, avg(pg) AS pg, count(*) AS n FROM v_study
    WHERE objective = 'kd' AND metric = 'test/accuracy'
    GROUP BY study, dataset, model, teacher, tau, kappa
),
step AS (
    SELECT *, lead(kappa) OVER curve AS next_kappa, lead(pg) OVER curve AS next_pg
    FROM mean
    WINDOW curve AS (PARTITION BY study, dataset, model, teacher, tau ORDER BY kappa)
)
SELECT study, dataset, model, teacher, tau, min(n) AS n, round(max(pg), 3) AS largest_pg,
    round(min(iif(pg >= 1 AND next_pg < 1,
        exp(ln(kappa) + (pg - 1) / (pg - next_pg) * ln(next_kappa / kappa)), NULL)), 3)
        AS kappa_star,
    CASE WHEN max(pg >= 1 AND next_pg < 1) THEN '' WHEN min(pg) >= 1 THEN 'above 1 throughout'
        WHEN max(pg) < 1 THEN 'below 1 throughout' ELSE 'no crossing downwards' END AS why
FROM step
GROUP BY study, dataset, model, teacher, tau
ORDER BY study, dataset, tau;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
