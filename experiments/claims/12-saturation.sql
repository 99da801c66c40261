-- title: Beyond kappa = 1 label training overtakes and distillation saturates at the teacher
-- kind: claim
-- from: ../fig7/small.ini ../fig7/small-text.ini
-- with: ../base/headline.sql ../base/pairs.sql
-- statistics: at the largest kappa > 1: LT - KD > 0, one-sided paired t at 95 %; mean |KD -
--   teacher| < 2 points, of text 2 % of the teacher's perplexity
WITH last AS (
    SELECT s.study, s.dataset, s.model, s.kappa, s.seed, s.pi, s.value, s.metric,
        max(s.kappa) OVER (PARTITION BY s.study, s.dataset, s.model) AS largest,
        (SELECT v.value FROM result v JOIN metric_key k ON k.id = v.key
            WHERE v.run = s.teacher_run AND k.name = s.metric
            ORDER BY v.kappa DESC LIMIT 1) AS teacher
    FROM gain s
),
part AS (
    SELECT study, dataset, model, kappa, seed, 'lt - kd' AS what, -pi AS value FROM last
    WHERE kappa = largest AND kappa > 1
    UNION ALL
    SELECT study, dataset, model, kappa, seed, '|kd - teacher|',
        abs(value - teacher) * iif(metric = 'test/accuracy', 1, 100 / teacher)
    FROM last
    WHERE kappa = largest AND kappa > 1
    ORDER BY seed
)
SELECT study || ' ' || model || ' ' || what AS part, kappa, count(*) AS n,
    round(avg(value), 3) AS mean, round(sd(value), 3) AS sd,
    iif(what = 'lt - kd', 'above 0', 'below 2') AS bound, group_concat(seed, ' ') AS seeds,
    iif(what = 'lt - kd', t_test(count(*), avg(value), sd(value), 0) < 0.05, avg(value) < 2)
        AS holds
FROM part
GROUP BY study, dataset, model, what, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher'
    AND (objective = 'lt' OR objective = 'kd' AND tau = iif(model = 'gpt', 1, 20));
