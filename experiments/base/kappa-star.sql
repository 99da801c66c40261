-- kappa-star.sql - where the mean performance gain of distillation at tau 20 first falls below 1,
-- linear in log kappa, for each study.
mean_gain AS (
    SELECT study, dataset, model, teacher, self, kappa, avg(pg) AS pg, count(*) AS n,
        group_concat(seed, ' ') AS seeds, min(lt_uid) AS lt_uid, min(teacher_run) AS teacher_run
    FROM (SELECT * FROM v_study ORDER BY seed)
    WHERE objective = 'kd' AND tau = 20 AND metric = 'test/accuracy'
    GROUP BY study, dataset, model, teacher, self, kappa
),
step AS (
    SELECT *, lead(kappa) OVER curve AS next_kappa, lead(pg) OVER curve AS next_pg
    FROM mean_gain
    WINDOW curve AS (PARTITION BY study, dataset, model, teacher ORDER BY kappa)
),
star AS ( -- kappa_star NULL: `why`
    SELECT study, dataset, model, teacher, self, min(n) AS n, min(seeds) AS seeds,
        min(lt_uid) AS lt_uid, min(teacher_run) AS teacher_run, max(pg) AS largest_pg,
        min(iif(pg >= 1 AND next_pg < 1,
            exp(ln(kappa) + (pg - 1) / (pg - next_pg) * ln(next_kappa / kappa)), NULL))
            AS kappa_star,
        CASE WHEN max(pg >= 1 AND next_pg < 1) THEN '' WHEN min(pg) >= 1 THEN 'above 1 throughout'
            WHEN max(pg) < 1 THEN 'below 1 throughout' ELSE 'no crossing downwards' END AS why
    FROM step
    GROUP BY study, dataset, model, teacher
)
