-- title: At kappa = 1 the gain is small
-- kind: claim
-- from: ../fig2/small.ini ../fig2/small-text.ini
-- with: ../base/headline.sql ../base/pairs.sql
-- statistics: 0.4 x PI at the peak - PI at kappa 1 > 0, one-sided paired t at 95 %; PI at the
--   peak > 0; curves that begin below kappa 0.3
WITH cell AS (
    SELECT study, dataset, model, kappa, seed, pi,
        avg(pi) OVER (PARTITION BY study, dataset, model, kappa) AS mean,
        min(kappa) OVER (PARTITION BY study, dataset, model) AS least
    FROM gain
    WHERE kappa <= 1
),
peak AS (
    SELECT *, max(mean) OVER (PARTITION BY study, dataset, model) AS top FROM cell
),
difference AS (
    SELECT a.study, a.dataset, a.model, a.seed, a.kappa AS peak_kappa, 0.4 * a.pi - b.pi AS d,
        a.pi AS at_peak, b.pi AS at_one
    FROM peak a
        JOIN cell b USING (study, dataset, model, seed)
    WHERE a.mean = a.top AND b.kappa > 0.9 AND a.least < 0.3
    ORDER BY seed
)
SELECT study || ' ' || model AS part, peak_kappa,
    round(avg(at_peak), 3) AS pi_peak, round(avg(at_one), 3) AS pi_one, count(*) AS n,
    round(avg(d), 3) AS mean, round(sd(d), 3) AS sd, 0 AS bound,
    round(t_test(count(*), avg(d), sd(d), 0), 4) AS p, group_concat(seed, ' ') AS seeds,
    avg(at_peak) > 0 AND t_test(count(*), avg(d), sd(d), 0) < 0.05 AS holds
FROM difference
GROUP BY study, dataset, model;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher'
    AND (objective = 'lt' OR objective = 'kd' AND tau = iif(model = 'gpt', 1, 20));
