-- title: The gain grows with the temperature and saturates
-- kind: claim
-- from: ../fig8/small.ini
-- with: ../base/headline.sql ../base/pairs.sql
-- statistics: from each tau to the next up to 20: PI does not fall (a one-sided paired t at 95 %
--   finds no fall); from the smallest tau to 20 it grows (paired t at 95 %)
WITH curve AS (
    SELECT study, dataset, model, kappa, tau, seed, pi, lag(tau) OVER rising AS before,
        lag(pi) OVER rising AS pi_before, first_value(tau) OVER rising AS first,
        first_value(pi) OVER rising AS pi_first
    FROM pair
    WHERE self AND objective = 'kd' AND metric = 'test/accuracy' AND tau <= 20 AND kappa < 1
    WINDOW rising AS (PARTITION BY study, dataset, model, kappa, seed ORDER BY tau)
),
part AS (
    SELECT study, dataset, model, kappa, seed, 'tau ' || printf('%g', before) || ' to '
        || printf('%g', tau) AS what, 0 AS grows, tau, pi - pi_before AS d
    FROM curve
    WHERE before IS NOT NULL
    UNION ALL
    SELECT study, dataset, model, kappa, seed, 'all: tau ' || printf('%g', first) || ' to 20', 1,
        tau, pi - pi_first
    FROM curve
    WHERE tau = 20 AND first < 20
    ORDER BY seed
)
SELECT study || ' ' || model || ' ' || what AS part, kappa, count(*) AS n,
    round(avg(d), 3) AS mean, round(sd(d), 3) AS sd, 0 AS bound, group_concat(seed, ' ') AS seeds,
    iif(grows, t_test(count(*), avg(d), sd(d), 0) < 0.05,
        t_test(count(*), -avg(d), sd(d), 0) >= 0.05) AS holds
FROM part
GROUP BY study, dataset, model, grows, tau, what, kappa;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND kappa < 1
    AND (objective = 'lt' OR objective = 'kd' AND tau <= 20);
