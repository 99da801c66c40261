-- title: Accuracy with one setting changed
-- kind: table
-- split: test, after the last epoch; nothing was selected
SELECT study, kappa, count(*) AS n, round(avg(lt), 2) AS lt, round(sd(lt), 2) AS lt_sd,
    round(avg(value), 2) AS kd, round(sd(value), 2) AS kd_sd, round(avg(pi), 2) AS pi,
    round(sd(pi), 2) AS pi_sd
FROM v_study
WHERE objective = 'kd' AND tau = 20 AND metric = 'test/accuracy'
GROUP BY study, kappa
ORDER BY kappa, study;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
