-- title: The gap of train and test fidelity falls with one over the square root of kappa
-- kind: claim
-- from: ../fig13/small.ini
-- with: ../base/headline.sql ../base/pairs.sql ../base/fidelity-gap.sql
-- statistics: seed by seed: slope of log gap on log kappa, mean within -0.7 to -0.3; R^2 of gap =
--   omega / sqrt(kappa), mean > 0.9
-- needs: test/agreement train_running/agreement
-- note: gap: running agreement of the last epoch - agreement on the test set, in points.
WITH seed_fit AS (
    SELECT study, dataset, model, teacher, seed, avg(gap) AS mean,
        slope(ln(kappa), ln(iif(gap > 0, gap, NULL))) AS slope,
        sum(gap * pow(kappa, -0.5)) / sum(1 / kappa) AS omega
    FROM gap
    WHERE study IN (SELECT study FROM claimed)
    GROUP BY study, dataset, model, teacher, seed
    HAVING count(*) >= 3
),
seed AS (
    SELECT f.*, 1 - sum(pow(g.gap - f.omega * pow(g.kappa, -0.5), 2)) / sum(pow(g.gap - f.mean, 2))
        AS r2
    FROM seed_fit f
        JOIN gap g USING (study, dataset, model, teacher, seed)
    GROUP BY f.study, f.dataset, f.model, f.teacher, f.seed
    ORDER BY f.seed
)
SELECT study || ' ' || model || ' from ' || teacher || ' slope' AS part,
    round(avg(omega), 2) AS omega, count(*) AS n, round(avg(slope), 3) AS mean,
    round(sd(slope), 3) AS sd, '-0.7 to -0.3' AS bound, group_concat(seed, ' ') AS seeds,
    avg(slope) BETWEEN -0.7 AND -0.3 AS holds
FROM seed
GROUP BY study, dataset, model, teacher
UNION ALL
SELECT study || ' ' || model || ' from ' || teacher || ' R^2',
    round(avg(omega), 2), count(*), round(avg(r2), 3), round(sd(r2), 3), 'above 0.9',
    group_concat(seed, ' '), avg(r2) > 0.9
FROM seed
GROUP BY study, dataset, model, teacher;

-- expect:
SELECT * FROM planned WHERE role IS NOT 'teacher' AND objective = 'kd' AND tau = 20;
