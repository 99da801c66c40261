-- title: Performance increment of every objective
-- kind: table
-- split: test, after the last epoch; nothing was selected
-- note: pi: value - lt, seed by seed, in points.
SELECT study, dataset, model,
    v.objective || iif(tau IS NULL, '', printf(' tau %g', tau)) AS objective, kappa, count(*) AS n,
    printf('%.2f', avg(lt)) AS lt, printf('%.2f', sd(lt)) AS lt_sd,
    printf('%+.2f', avg(pi)) AS pi, printf('%.2f', sd(pi)) AS pi_sd
FROM v_study v
WHERE metric = 'test/accuracy'
GROUP BY study, dataset, model, teacher, v.objective, tau, kappa
ORDER BY study, dataset, model, v.objective, tau, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
