-- title: Distillation beats label training at every kappa below 1 on self pairs
-- kind: claim
-- from: ../fig2/small.ini ../fig2/small-text.ini
-- with: ../base/headline.sql ../base/pairs.sql
-- statistics: PI > 0 at each kappa < 1, one-sided paired t at 95 %
SELECT study || ' ' || model AS part, kappa, count(*) AS n,
    round(avg(pi), 3) AS mean, round(sd(pi), 3) AS sd, 0 AS bound,
    round(t_test(count(*), avg(pi), sd(pi), 0), 4) AS p, group_concat(seed, ' ') AS seeds,
    t_test(count(*), avg(pi), sd(pi), 0) < 0.05 AS holds
FROM gain
WHERE kappa < 1
GROUP BY study, dataset, model, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND kappa < 1
    AND (objective = 'lt' OR objective = 'kd' AND tau = iif(model = 'gpt', 1, 20));
