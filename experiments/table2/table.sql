-- title: Table 2: accuracy of LT, and performance increments of the other objectives
-- kind: table
-- split: test, after the last epoch; nothing was selected
-- note: Means +- sd over seeds, in percent and points; an increment is value - lt, seed by seed.
WITH cell AS (
    SELECT study, dataset, model, kappa, lt, lt_sd, n,
        objective || iif(tau IS NULL, '', printf(' tau %g', tau)) AS what,
        printf('%+.2f', pi) || iif(pi_sd IS NULL, '', printf(' +- %.2f', pi_sd)) AS text
    FROM (SELECT study, dataset, model, teacher, objective, tau, kappa, count(*) AS n,
            avg(lt) AS lt, sd(lt) AS lt_sd, avg(pi) AS pi, sd(pi) AS pi_sd
        FROM v_study
        WHERE metric = 'test/accuracy'
        GROUP BY study, dataset, model, teacher, objective, tau, kappa)
)
SELECT study, kappa, min(n) AS n,
    printf('%.2f', max(lt)) || iif(max(lt_sd) IS NULL, '', printf(' +- %.2f', max(lt_sd))) AS lt,
    max(iif(what = 'ls tau 20', text, NULL)) AS ls,
    max(iif(what = 'kd tau 20', text, NULL)) AS kd,
    max(iif(what = 'kd tau 100', text, NULL)) AS kd_tau_100,
    max(iif(what = 'kd tau 1', text, NULL)) AS kd_tau_1,
    max(iif(what = 'hardkd', text, NULL)) AS hardkd, max(iif(what = 'l2', text, NULL)) AS l2
FROM cell
GROUP BY study, dataset, model, kappa
ORDER BY study, dataset, model, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
