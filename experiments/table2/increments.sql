-- title: Table 2: accuracy of LT and performance increments
-- kind: table
-- split: test, after the last epoch; nothing was selected
-- note: pi: value - lt, seed by seed, in points.
WITH cell AS (
    SELECT study, dataset, model, teacher, kappa,
        objective || iif(tau IS NULL, '', printf(' tau %g', tau)) AS what, tau, n, lt_mean, pi_mean,
        pi_sd, lt_sd
    FROM (SELECT study, dataset, model, teacher, objective, tau, kappa, count(*) AS n,
            avg(lt) AS lt_mean, sd(lt) AS lt_sd, avg(pi) AS pi_mean, sd(pi) AS pi_sd
        FROM v_study
        WHERE metric = 'test/accuracy'
        GROUP BY study, dataset, model, teacher, objective, tau, kappa)
)
SELECT study, dataset, model, what AS objective, kappa, n, printf('%.2f', lt_mean) AS lt,
    printf('%.2f', lt_sd) AS lt_sd, printf('%+.2f', pi_mean) AS pi, printf('%.2f', pi_sd) AS pi_sd
FROM cell
ORDER BY study, dataset, model, what, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
