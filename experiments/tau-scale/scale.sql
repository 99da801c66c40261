-- title: Test accuracy by the factor before the divergence
-- kind: table
-- with: scales.sql
-- split: test, after the last epoch; nothing was selected
-- note: kd: at tau 1 the three factors are the same objective.
SELECT what AS objective, kappa, count(*) AS n, round(avg(value), 2) AS accuracy,
    round(sd(value), 2) AS sd
FROM curve
GROUP BY what, kappa
ORDER BY what, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher';
